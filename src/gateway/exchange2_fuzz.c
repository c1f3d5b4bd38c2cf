// SPDX-License-Identifier: Apache-2.0
/*
 * Input: what program, server and warden do in turn. An octet holds whose turn it is (bit 0), what is done (bits 1 to
 * 3, enum act) and whether the exchange sees it only with the next (bit 7); what is done takes some more. The
 * first octet of the input has the setting, see begin().
 *
 * Properties: the server gets no more than what was allowed before, in that order, and an independent session of
 * a server finds no fault with it; so does a reader of the program's. With secrets, no placeholder reaches the
 * server and no value the program; no body passes its cap. Whoever was asked about or allowed has one end. What
 * a peer has sent and has no credit for is what waits, to the octet, and nothing waits at the end. When nothing
 * moves, nothing could: no frame, end or octet of a body is held back from who reads and has given credit.
 */
#include "gateway/exchange2_far_priv.h"

#include <sys/ioctl.h>

#include "base/fd.h"

enum {
	INPUT_OCTETS_MAX = 4096,
	SENT_OCTETS_MAX = 1024 * 1024,
	TURNS_MAX = 4000,
	OPEN_MAX = 128,
	STILL_TURNS = 2,
	SMALL_SNDBUF_OCTETS = 1,
	CAP_OCTETS = 1000,
};

enum act { ACT_RAW = 0, ACT_DATA, ACT_CREDIT, ACT_HEAD, ACT_FRAME, ACT_VERDICT, ACT_DEAF, ACT_END };

struct allowed {
	char what[FAR_WHAT_OCTETS];
	bool websocket, reached;
	uint64_t octets_max;
};

static struct {
	struct loop *loop;
	struct loop_timer turn;
	struct ends ends;
	struct exchange2 x;
	struct far far[TLS_SIDES];
	struct exchange2_stream *open[OPEN_MAX]; /* asked about */
	char what[OPEN_MAX][FAR_WHAT_OCTETS];
	unsigned open_count, ends_due;
	struct allowed allowed[OPEN_MAX];
	unsigned allowed_count, next; /* that the server may get */
	bool secrets, over;
	size_t sent;
	unsigned steps;
	uint64_t owed[TLS_SIDES];     /* octets that came from there and were not paid for */
	nghttp2_session *checker;     /* what the server should be */
	nghttp2_hd_inflater *unpacks; /* heads for the program */
	char path[FAR_WHAT_OCTETS], method[FAR_WHAT_OCTETS];
} b;

static char secret[128];
static size_t secret_len;

/* Credit: the library calls and is called through these. See the link arguments. */

int __real_nghttp2_session_consume(nghttp2_session *session, int32_t id, size_t len);
int __wrap_nghttp2_session_consume(nghttp2_session *session, int32_t id, size_t len);
int __real_nghttp2_session_consume_connection(nghttp2_session *session, size_t len);
int __wrap_nghttp2_session_consume_connection(nghttp2_session *session, size_t len);
void __real_nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
    nghttp2_session_callbacks *callbacks, nghttp2_on_data_chunk_recv_callback callback);
void __wrap_nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
    nghttp2_session_callbacks *callbacks, nghttp2_on_data_chunk_recv_callback callback);

static nghttp2_on_data_chunk_recv_callback on_data;

static uint64_t *owed_to(const nghttp2_session *session)
{
	must(session == b.x.session[TLS_INSIDE] || session == b.x.session[TLS_UPSTREAM]);
	return &b.owed[session == b.x.session[TLS_INSIDE] ? TLS_INSIDE : TLS_UPSTREAM];
}

int __wrap_nghttp2_session_consume(nghttp2_session *session, int32_t id, size_t len)
{
	must(id > 0 && *owed_to(session) >= len);
	*owed_to(session) -= len;
	return __real_nghttp2_session_consume(session, id, len);
}

int __wrap_nghttp2_session_consume_connection(nghttp2_session *session, size_t len)
{
	must(*owed_to(session) >= len);
	*owed_to(session) -= len;
	return __real_nghttp2_session_consume_connection(session, len);
}

static int count_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		      size_t len, void *context)
{
	*owed_to(session) += len;
	return on_data(session, flags, id, data, len, context);
}

void __wrap_nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
    nghttp2_session_callbacks *callbacks, nghttp2_on_data_chunk_recv_callback callback)
{
	on_data = callback;
	__real_nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, count_data);
}

/* The owner. */

static bool asked(struct exchange2_stream *stream, struct span what, bool websocket)
{
	(void)websocket;
	must(!b.over);
	if (b.open_count == OPEN_MAX || b.allowed_count == OPEN_MAX)
		return false;
	(void)snprintf(b.what[b.open_count], FAR_WHAT_OCTETS, "%.*s", (int)what.len, what.ptr);
	b.open[b.open_count++] = stream;
	return true;
}

static void forget(unsigned i)
{
	b.open_count--;
	memmove(&b.open[i], &b.open[i + 1], (b.open_count - i) * sizeof(b.open[0]));
	memmove(b.what[i], b.what[i + 1], (b.open_count - i) * sizeof(b.what[0]));
}

static void left(struct exchange2_stream *stream)
{
	unsigned i = 0;

	while (i < b.open_count && b.open[i] != stream)
		i++;
	must(i < b.open_count);
	forget(i);
}

static void ended(struct exchange2_stream *stream, const struct exchange1_end *end)
{
	(void)stream;
	(void)end;
	must(b.ends_due > 0);
	b.ends_due--;
}

static void refused(struct exchange2 *exchange, unsigned status, const char *why)
{
	(void)exchange;
	(void)status;
	must(why != NULL && *why != '\0');
}

static void over(struct exchange2 *exchange, bool clean)
{
	(void)exchange;
	must(!b.over);
	b.over = true;
	if (clean)
		ends_finish(&b.ends);
	else
		ends_reset(&b.ends);
}

static void again(struct exchange2 *exchange)
{
	b.steps++;
	(void)exchange2_step(exchange);
}

static void ready(struct ends *ends)
{
	(void)ends;
	again(&b.x);
}

static const struct exchange2_owner owner = { asked, left, ended, refused, over, again };

/* What the server gets. */

static int check_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
			size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
			void *context)
{
	const struct span key = { (const char *)name, name_len };
	char *to = span_is(key, ":path") ? b.path : span_is(key, ":method") ? b.method : NULL;

	(void)session;
	(void)frame;
	(void)flags;
	(void)context;
	must(!b.secrets ||
	     memmem(value, value_len, FAR_PLACEHOLDER, sizeof(FAR_PLACEHOLDER) - 1) == NULL);
	if (to != NULL)
		(void)snprintf(to, FAR_WHAT_OCTETS, "%.*s", (int)value_len, (const char *)value);
	return 0;
}

/* check_request() - it was allowed, and none behind it has gone before */
static void check_request(int32_t id)
{
	struct far_stream *s = far_stream_of(&b.far[TLS_UPSTREAM], id);
	char what[2 * FAR_WHAT_OCTETS];

	(void)snprintf(what, sizeof(what), "%s %s", b.method, b.path);
	what[FAR_WHAT_OCTETS - 1] = '\0';
	while (b.next < b.allowed_count && strcmp(b.allowed[b.next].what, what) != 0)
		b.next++; /* it was reset before it went out */
	must(b.next < b.allowed_count);
	if (s != NULL) {
		s->octets_max = b.allowed[b.next].octets_max;
		s->websocket = b.allowed[b.next].websocket;
	}
	b.next++;
}

static int check_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	(void)session;
	(void)context;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		check_request(frame->hd.stream_id);
	return 0;
}

static int check_begin(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	(void)context;
	b.path[0] = b.method[0] = '\0';
	return nghttp2_session_set_local_window_size(session, 0, frame->hd.stream_id, INT32_MAX);
}

static int check_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		      size_t len, void *context)
{
	struct far_stream *s = far_stream_of(&b.far[TLS_UPSTREAM], id);

	(void)session;
	(void)flags;
	(void)context;
	if (s == NULL)
		return 0;
	s->octets += len;
	must(s->octets_max == 0 || s->octets <= s->octets_max);
	must(!far_shows(s, (struct span){ (const char *)data, len }, FAR_PLACEHOLDER) ||
	     !b.secrets || s->websocket);
	return 0;
}

static int check_fault(nghttp2_session *session, const nghttp2_frame *frame, int error,
		       void *context)
{
	(void)session;
	(void)frame;
	(void)error;
	(void)context;
	abort();
}

static int check_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	(void)session;
	(void)context;
	must(frame->hd.type != NGHTTP2_GOAWAY && frame->hd.type != NGHTTP2_RST_STREAM);
	return 0;
}

static void open_checker(void)
{
	static const nghttp2_settings_entry tunnels = { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL,
							1 };
	nghttp2_session_callbacks *callbacks = NULL;

	must(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, check_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, check_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, check_frame);
	__real_nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, check_data);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, check_fault);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, check_sent);
	must(nghttp2_session_server_new(&b.checker, callbacks, NULL) == 0);
	nghttp2_session_callbacks_del(callbacks);
	must(nghttp2_submit_settings(b.checker, 0, &tunnels, 1) == 0 &&
	     nghttp2_session_set_local_window_size(b.checker, 0, 0, INT32_MAX) == 0 &&
	     nghttp2_session_mem_recv(b.checker, (const uint8_t *)NGHTTP2_CLIENT_MAGIC,
				      FAR_MAGIC_OCTETS) == FAR_MAGIC_OCTETS);
}

static void server_frame(struct far *far, struct span frame)
{
	const uint8_t *octets = NULL;
	ssize_t n = 0;

	(void)far;
	if (frame.ptr[3] == NGHTTP2_SETTINGS && (frame.ptr[4] & NGHTTP2_FLAG_ACK) != 0)
		return; /* of what the input has said, which the checker does not know */
	must(nghttp2_session_mem_recv(b.checker, (const uint8_t *)frame.ptr, frame.len) ==
	     (ssize_t)frame.len);
	while ((n = nghttp2_session_mem_send(b.checker, &octets)) > 0)
		;
	must(n == 0);
}

/* What the program gets. */

static void unpack(struct span block, bool last, bool hides)
{
	int flags = 0;
	nghttp2_nv field;

	do {
		ssize_t n = nghttp2_hd_inflate_hd2(b.unpacks, &field, &flags,
						   (const uint8_t *)block.ptr, block.len, last);

		must(n >= 0);
		block = span_drop(block, (size_t)n);
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
			must(!hides || memmem(field.value, field.valuelen, FAR_VALUE,
					      sizeof(FAR_VALUE) - 1) == NULL);
	} while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0 &&
		 (block.len > 0 || (flags & NGHTTP2_HD_INFLATE_EMIT) != 0));
	if (last)
		must(nghttp2_hd_inflate_end_headers(b.unpacks) == 0);
}

static void program_frame(struct far *far, struct span frame)
{
	unsigned type = (uint8_t)frame.ptr[3], flags = (uint8_t)frame.ptr[4];
	struct far_stream *s = far_stream_of(far, (int32_t)far_number(frame.ptr + 5, 4));
	struct span payload = span_drop(frame, FAR_FRAME_HEAD_OCTETS);
	bool says = type == NGHTTP2_DATA || type == NGHTTP2_HEADERS;

	if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION)
		unpack(payload, (flags & NGHTTP2_FLAG_END_HEADERS) != 0, s != NULL && s->hides);
	if (s == NULL || s->id == 0)
		return;
	must(!says || !s->ended);
	if (type == NGHTTP2_DATA && s->hides && !b.far[TLS_UPSTREAM].raw)
		must(!far_shows(s, payload, FAR_VALUE));
	s->ended = s->ended || type == NGHTTP2_RST_STREAM ||
		   (says && (flags & NGHTTP2_FLAG_END_STREAM) != 0);
}

/* Rest. */

static void turn_over(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(b.loop, 0);
}

static void turn(void)
{
	b.turn.fired = turn_over;
	loop_arm(b.loop, &b.turn, 0);
	must(loop_run(b.loop) == 0);
	far_take(&b.far[TLS_INSIDE], false, program_frame);
	far_take(&b.far[TLS_UPSTREAM], true, server_frame);
}

/* settle() - until nothing moves */
static void settle(void)
{
	unsigned still = 0;

	for (int i = 0; still < STILL_TURNS; i++) {
		size_t came = b.far[TLS_INSIDE].came + b.far[TLS_UPSTREAM].came;
		unsigned steps = b.steps;

		turn();
		must(i < TURNS_MAX); /* it is busy, and with nothing */
		bool moved = b.steps != steps ||
			     came != b.far[TLS_INSIDE].came + b.far[TLS_UPSTREAM].came ||
			     (!b.over && b.x.again.deadline_ns != 0);
		still = moved ? 0 : still + 1;
	}
}

/* check_way() - what @s has for the side that @from does not have */
static void check_way(struct exchange2_stream *s, enum tls_side from)
{
	const struct exchange2_way *way = &s->way[from];
	enum tls_side to = exchange2_other(from);
	nghttp2_session *session = b.x.session[to];
	bool whole = way->ended && change2_held(way) == 0 && buf_len(&way->data) == 0;

	if (session == NULL || s->id[to] == 0 || s->broken ||
	    nghttp2_session_get_remote_window_size(session) <= 0 ||
	    nghttp2_session_get_stream_remote_window_size(session, s->id[to]) <= 0)
		return;
	must(buf_len(&way->data) == 0);
	must(!way->ended || change2_held(way) == 0);
	if (whole && (to == TLS_UPSTREAM || s->responded || s->state == STREAM_ANSWERED))
		must(nghttp2_session_get_stream_local_close(session, s->id[to]) == 1);
}

/* check_stall() - nothing moves; could anything? */
static void check_stall(void)
{
	if (b.over || b.x.seeing_off || b.far[TLS_INSIDE].deaf || b.far[TLS_UPSTREAM].deaf)
		return;
	for (int i = 0; i < TLS_SIDES; i++) {
		int waits = 0;

		if (b.x.session[i] == NULL || (i == TLS_UPSTREAM && b.x.unheard))
			continue;
		must(nghttp2_session_want_write(b.x.session[i]) == 0);
		must(buf_len(&b.ends.left[i]) == 0);
		must(ioctl(b.ends.fd[i], FIONREAD, &waits) == 0);
		must(waits == 0 || b.ends.ended[i] != 0);
	}
	for (struct list_node *node = b.x.streams.head.next;
	     !b.x.unheard && node != &b.x.streams.head; node = node->next) {
		struct exchange2_stream *s = container_of(node, struct exchange2_stream, node);

		check_way(s, TLS_INSIDE);
		check_way(s, TLS_UPSTREAM);
	}
}

/* check_credit() - who has sent what waits, and who has more due? */
static void check_credit(void)
{
	uint64_t waits[TLS_SIDES] = { 0 };

	if (b.over)
		return;
	for (struct list_node *node = b.x.streams.head.next; node != &b.x.streams.head;
	     node = node->next) {
		struct exchange2_stream *s = container_of(node, struct exchange2_stream, node);

		for (int i = 0; i < TLS_SIDES; i++)
			waits[i] += s->way[i].ours              ? 0
				    : change2_holds(&s->way[i]) ? change2_held(&s->way[i])
								: buf_len(&s->way[i].data);
	}
	for (int i = 0; i < TLS_SIDES; i++)
		must(b.x.session[i] == NULL || waits[i] == b.owed[i]);
}

/* The input. */

static uint8_t next(struct span *in)
{
	uint8_t octet = in->len > 0 ? (uint8_t)in->ptr[0] : 0;

	*in = span_drop(*in, in->len > 0);
	return octet;
}

static void do_raw(struct far *far, struct span *in)
{
	size_t len = next(in);

	len = len < in->len ? len : in->len;
	far_send(far, in->ptr, len);
	*in = span_drop(*in, len);
	far->raw = true;
}

static void do_data(struct far *far, struct span *in)
{
	static const char *const fills[] = { "b", FAR_PLACEHOLDER, "Iva:lue", "IMMURE_" };
	uint8_t id = next(in), how = next(in);
	size_t len = (size_t)next(in) * ((how & 16) != 0 ? 300 : 1);

	if (b.sent + len > SENT_OCTETS_MAX)
		return;
	b.sent += len;
	far_data(far, 2 * (id & 15) + 1, len, fills[how >> 2 & 3], (how & 2) != 0, (how & 1) != 0);
}

static void do_head(struct far *far, struct span *in, bool server)
{
	static const char who[] = ":scheme=http\n:authority=lab.test\n";
	static const char *const requests[] = {
		":method=GET\n:path=/a\n",
		":method=POST\n:path=/b?c=d\ncontent-type=text/plain\n",
		":method=POST\n:path=/c\ncontent-length=300\n",
		":method=GET\n:path=/d\nx-key=" FAR_PLACEHOLDER "\naccept-encoding=gzip\n",
		":method=POST\n:path=/e\nte=trailers\ncontent-type=application/grpc\n",
		":method=CONNECT\n:protocol=websocket\n:path=/ws\n",
		":method=HEAD\n:path=/h\n",
		":method=POST\n:path=/j\ncontent-type=application/json\n",
	};
	static const char *const responses[] = {
		":status=200\ncontent-type=text/plain\n",
		":status=200\ncontent-length=300\n",
		":status=103\nlink=a\n",
		":status=404\n",
		":status=200\nx-key=a" FAR_VALUE "\n",
		":status=200\ncontent-type=application/json\n",
		":status=304\n",
		":status=100\n",
	};
	uint8_t id = next(in), how = next(in);
	char text[512];

	if ((how & 64) != 0)
		(void)snprintf(text, sizeof(text), "x-sum=%s\n",
			       (how & 8) != 0 ? FAR_VALUE : FAR_PLACEHOLDER);
	else
		(void)snprintf(text, sizeof(text), "%s%s", server ? "" : who,
			       (server ? responses : requests)[how >> 3 & 7]);
	far_head(far, 2 * (id & 15) + 1, how & NGHTTP2_FLAG_END_STREAM, (how & 2) != 0,
		 (how & 4) != 0, text);
}

static void do_credit(const struct far *far, struct span *in)
{
	uint8_t id = next(in);
	const uint32_t more = (uint32_t)1 << (next(in) & 31);

	far_numbers(far, NGHTTP2_WINDOW_UPDATE, (id & 16) != 0 ? 0 : 2 * (id & 15) + 1, 1, &more);
}

static void do_frame(const struct far *far, struct span *in)
{
	static const struct {
		unsigned key;
		uint32_t value;
	} settings[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0 },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1 },
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0 },
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 4096 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};
	uint8_t how = next(in), id = next(in);
	const uint32_t code = id >> 4, away[2] = { 2 * (id & 15) + 1, code };

	switch (how & 3) {
	case 0:
		far_setting(far, settings[how >> 2 & 7].key, settings[how >> 2 & 7].value);
		break;
	case 1:
		far_numbers(far, NGHTTP2_RST_STREAM, 2 * (id & 15) + 1, 1, &code);
		break;
	case 2:
		far_numbers(far, NGHTTP2_GOAWAY, 0, 2, away);
		break;
	default:
		far_numbers(far, NGHTTP2_PING, 0, 2, away);
		break;
	}
}

static void judge(unsigned i, uint8_t how)
{
	struct exchange2_stream *s = b.open[i];
	bool deny = (how & 3) == 0, secrets = (how & 3) == 2;

	s->caps = (struct exchange1_caps){ .retry_after_s = deny ? how >> 4 : 0 };
	if (!deny) {
		struct allowed *one = &b.allowed[b.allowed_count++];

		s->caps.octets[TLS_INSIDE] = (how & 4) != 0 ? CAP_OCTETS : 0;
		s->caps.octets[TLS_UPSTREAM] = (how & 8) != 0 ? CAP_OCTETS : 0;
		memcpy(one->what, b.what[i], sizeof(one->what));
		one->websocket = s->websocket;
		/* a value may be longer than its placeholder, but not this one */
		one->octets_max = s->caps.octets[TLS_INSIDE];
		b.ends_due++;
		struct far_stream *far = far_stream_of(&b.far[TLS_INSIDE], s->id[TLS_INSIDE]);
		if (far != NULL)
			far->hides = secrets && b.secrets;
	}
	forget(i);
	exchange2_verdict(s, deny ? 403 : 0,
			  deny                   ? SPAN("because")
			  : secrets && b.secrets ? (struct span){ secret, secret_len }
						 : (struct span){ 0 });
	(void)exchange2_step(&b.x);
}

static void do_verdict(struct span *in)
{
	uint8_t how = next(in);

	if (b.open_count > 0 && !b.over)
		judge((how >> 4) % b.open_count, how);
}

static void act(struct span *in)
{
	uint8_t what = next(in);
	struct far *far = &b.far[what & 1];

	switch ((enum act)(what >> 1 & 7)) {
	case ACT_RAW:
		do_raw(far, in);
		break;
	case ACT_DATA:
		do_data(far, in);
		break;
	case ACT_CREDIT:
		do_credit(far, in);
		break;
	case ACT_HEAD:
		do_head(far, in, (what & 1) == TLS_UPSTREAM);
		break;
	case ACT_FRAME:
		do_frame(far, in);
		break;
	case ACT_VERDICT:
		do_verdict(in);
		break;
	case ACT_DEAF:
		far->deaf = !far->deaf;
		break;
	case ACT_END:
		(void)shutdown(far->fd, SHUT_WR);
		break;
	}
	if ((what & 128) != 0)
		return;
	settle();
	check_credit();
	check_stall();
}

/* begin() - @how: bit 0: there are secrets; 1: sockets that take little; 2: no settings are sent by themselves */
static void begin(uint8_t how)
{
	const int room = SMALL_SNDBUF_OCTETS, wide = 2 * SENT_OCTETS_MAX;
	int near[TLS_SIDES];

	b.secrets = (how & 1) != 0;
	for (int i = 0; i < TLS_SIDES; i++) {
		int pair[2];

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
		near[i] = pair[0];
		b.far[i].fd = pair[1];
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &wide, sizeof(wide));
		if ((how & 2) != 0)
			(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	}
	b.ends = (struct ends){ .ready = ready };
	must(ends_open(&b.ends, b.loop, near[0], near[1]) == 0);
	b.x = (struct exchange2){ .ends = &b.ends,
				  .loop = b.loop,
				  .owner = &owner,
				  .host = { "lab.test", 80, false },
				  .secrets = b.secrets };
	must(exchange2_start(&b.x, (struct span){ 0 }) == 0);
	open_checker();
	must(nghttp2_hd_inflate_new(&b.unpacks) == 0);
	if ((how & 4) == 0) {
		far_send(&b.far[TLS_INSIDE], NGHTTP2_CLIENT_MAGIC, FAR_MAGIC_OCTETS);
		far_frame(&b.far[TLS_INSIDE], NGHTTP2_SETTINGS, 0, 0, (struct span){ 0 });
		far_frame(&b.far[TLS_UPSTREAM], NGHTTP2_SETTINGS, 0, 0, (struct span){ 0 });
	}
	(void)exchange2_step(&b.x);
}

/* end() - all is read and judged; then the program leaves, or the flow is cut off */
static void end(bool leaves)
{
	b.far[TLS_INSIDE].deaf = b.far[TLS_UPSTREAM].deaf = false;
	settle();
	check_stall();
	while (b.open_count > 0 && !b.over) {
		judge(0, 1);
		settle();
		check_credit();
		check_stall();
	}
	if (leaves) {
		(void)shutdown(b.far[TLS_INSIDE].fd, SHUT_WR);
		settle();
		must(b.over);
	}
	if (!b.over) {
		exchange2_stop(&b.x);
		ends_reset(&b.ends);
	}
	must(b.open_count == 0 && b.ends_due == 0 && b.x.stream_count == 0);
	must(exchange2_waiting_octets() == 0);
	fd_close(&b.far[TLS_INSIDE].fd);
	fd_close(&b.far[TLS_UPSTREAM].fd);
	nghttp2_session_del(b.checker);
	nghttp2_hd_inflate_del(b.unpacks);
}

static void forget_all(void)
{
	struct loop *loop = b.loop;

	for (int i = 0; i < TLS_SIDES; i++) {
		b.far[i].stream_count = 0;
		b.far[i].part_len = b.far[i].came = 0;
		b.far[i].deaf = b.far[i].raw = false;
		b.owed[i] = 0;
	}
	b.open_count = b.ends_due = b.allowed_count = b.next = b.steps = 0;
	b.over = false;
	b.sent = 0;
	b.loop = loop;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct substitutions list = {
		1, { { 9, SPAN(FAR_PLACEHOLDER), SPAN(FAR_VALUE) } }
	};
	struct span in = { (const char *)data, size };

	if (size < 2 || size > INPUT_OCTETS_MAX)
		return 0;
	if (b.loop == NULL)
		must(loop_new(&b.loop) == 0 &&
		     substitutions_encode(&secret_len, secret, sizeof(secret), &list) == 0);
	forget_all();
	uint8_t how = next(&in);
	begin(how);
	while (in.len > 0)
		act(&in);
	end((how & 8) != 0);
	return 0;
}
