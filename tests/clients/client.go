// SPDX-License-Identifier: Apache-2.0

// A client of Go: client BASE CHECK...; prints `CHECK: what came of it`. As client.py.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func block() []byte {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func digest(r io.Reader) (string, error) {
	judge := sha256.New()
	n, err := io.Copy(judge, r)
	return fmt.Sprintf("%d %x", n, judge.Sum(nil)), err
}

func text(answer *http.Response) (string, error) {
	all, err := io.ReadAll(answer.Body)
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.TrimSpace(string(all))), err
}

func events(answer *http.Response) (string, error) {
	var seen []byte
	var times []time.Time
	part := make([]byte, 4096)
	for {
		n, err := answer.Body.Read(part)
		seen = append(seen, part[:n]...)
		for len(times) < bytes.Count(seen, []byte("\n\n")) {
			times = append(times, time.Now())
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	when := "late"
	if times[len(times)-1].Sub(times[0]) > 400*time.Millisecond {
		when = "at once"
	}
	return fmt.Sprintf("%d %s", len(times), when), nil
}

func ask(method, url string, body io.Reader, then func(*http.Response) (string, error)) (string, error) {
	query, err := http.NewRequest(method, url, body)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(query)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	return then(answer)
}

func body(word string) *bytes.Reader {
	count, _ := strconv.Atoi(word)
	return bytes.NewReader(bytes.Repeat(block(), count))
}

func check(base, name, word string) (string, error) {
	switch name {
	case "get":
		return ask("GET", base+"/data/"+word, nil, func(a *http.Response) (string, error) {
			said, err := digest(a.Body)
			return fmt.Sprintf("%d %s", a.StatusCode, said), err
		})
	case "head":
		return ask("HEAD", base+"/data/3", nil, func(a *http.Response) (string, error) {
			return fmt.Sprintf("%d %d", a.StatusCode, a.ContentLength), nil
		})
	case "post":
		return ask("POST", base+"/digest/", body(word), text)
	case "chunked":
		return ask("POST", base+"/digest/", io.MultiReader(body(word)), text) // of unknown length
	case "events":
		return ask("GET", base+"/events/", nil, events)
	case "reuse":
		var counts []string
		for i := 0; i < 3; i++ {
			said, err := ask("GET", base+"/data/0", nil, func(a *http.Response) (string, error) {
				_, err := io.Copy(io.Discard, a.Body)
				return a.Header.Get("X-Requests"), err
			})
			if err != nil {
				return "", err
			}
			counts = append(counts, said)
		}
		return strings.Join(counts, " "), nil
	case "broken":
		return ask("GET", base+"/"+word+"/", nil, func(a *http.Response) (string, error) { return digest(a.Body) })
	case "bad":
		return ask("GET", strings.Replace(base, "origin.test", word+".test", 1)+"/data/0", nil, text)
	}
	return "no such check", nil
}

func main() {
	for _, one := range os.Args[2:] {
		name, word, _ := strings.Cut(one, ":")
		said, err := check(os.Args[1], name, word)
		if err != nil {
			said = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Printf("%s: %s\n", one, said)
	}
}
