// SPDX-License-Identifier: Apache-2.0
// A client of Java: java Client.java BASE CHECK...; prints `CHECK: what came of it`. As client.py.
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.util.HexFormat;

public class Client {
	static final HttpClient CLIENT = HttpClient.newBuilder().version(
		"1".equals(System.getenv("HTTP_VERSION")) ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2).build();

	static byte[] body(String word) {
		byte[] all = new byte[Integer.parseInt(word) << 20];
		for (int i = 0; i < all.length; i++)
			all[i] = (byte) i;
		return all;
	}

	static HttpResponse<InputStream> ask(String method, String url, BodyPublisher body) throws Exception {
		return CLIENT.send(HttpRequest.newBuilder(URI.create(url)).method(method, body).build(),
				   BodyHandlers.ofInputStream());
	}

	static String digest(InputStream stream) throws Exception {
		MessageDigest judge = MessageDigest.getInstance("SHA-256");
		byte[] part = new byte[65536];
		long length = 0;
		for (int n; (n = stream.read(part)) >= 0; length += n)
			judge.update(part, 0, n);
		return length + " " + HexFormat.of().formatHex(judge.digest());
	}

	static String text(HttpResponse<InputStream> answer) throws Exception {
		return (answer.statusCode() + " " + new String(answer.body().readAllBytes()).trim()).trim();
	}

	static String events(InputStream stream) throws Exception {
		StringBuilder seen = new StringBuilder();
		long first = 0, last = 0;
		int count = 0;
		for (int octet; (octet = stream.read()) >= 0;) {
			seen.append((char) octet);
			if (seen.toString().endsWith("\n\n")) {
				last = System.nanoTime();
				first = count++ == 0 ? last : first;
			}
		}
		return count + " " + (last - first > 400_000_000L ? "at once" : "late");
	}

	static String check(String base, String name, String word) throws Exception {
		BodyPublisher none = BodyPublishers.noBody();
		switch (name) {
		case "get":
			HttpResponse<InputStream> got = ask("GET", base + "/data/" + word, none);
			return got.statusCode() + " " + digest(got.body());
		case "head":
			HttpResponse<InputStream> head = ask("HEAD", base + "/data/3", none);
			return head.statusCode() + " " + head.headers().firstValue("Content-Length").orElse("?");
		case "post":
			return text(ask("POST", base + "/digest/", BodyPublishers.ofByteArray(body(word))));
		case "chunked":
			byte[] all = body(word);
			return text(ask("POST", base + "/digest/",
					BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(all))));
		case "events":
			return events(ask("GET", base + "/events/", none).body());
		case "broken":
			return "whole: " + digest(ask("GET", base + "/" + word + "/", none).body());
		case "bad":
			return text(ask("GET", base.replace("origin.test", word + ".test") + "/data/0", none));
		case "reuse":
			StringBuilder counts = new StringBuilder();
			for (int i = 0; i < 3; i++) {
				HttpResponse<InputStream> answer = ask("GET", base + "/data/0", none);
				counts.append(answer.headers().firstValue("X-Requests").orElse("?")).append(' ');
				answer.body().readAllBytes();
			}
			return counts.toString().trim();
		default:
			return "no such check";
		}
	}

	public static void main(String[] words) {
		for (int i = 1; i < words.length; i++) {
			String[] parts = words[i].split(":");
			String said;
			try {
				said = check(words[0], parts[0], parts.length > 1 ? parts[1] : "");
			} catch (Exception error) {
				said = ("error " + error).replace('\n', ' ');
			}
			System.out.println(words[i] + ": " + said);
		}
		System.exit(0);
	}
}
