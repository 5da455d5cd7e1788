// The filter of section 3.4 as WebAssembly: asks the authentication service before a request goes on. What it does is
// what the Lua script of gateway-auth-lua does: who may pass is named to the application in a header that no client can
// claim; a refusal keeps its status and body; whatever else happens is a refusal, too. ./build makes auth.wasm of it.
//
// It speaks the Proxy-Wasm ABI 0.2.1 without an SDK (https://github.com/proxy-wasm/spec). Its root_id is auth, its
// configuration is text, a `name=value` a line, all of them needed:
//
//     cluster=NAME      where the service is
//     authority=NAME    the service's name in requests
//     path=PATH         what the service is asked for, by GET, with the request's authorization and x-original-path
//     timeout=NUMBER    milliseconds until the service must have answered
//     allow=STATUS      the service's answer that lets a request pass; or FIRST-LAST
//     user=HEADER       by which the service names who it is, and the application learns it
//
// Whatever it cannot do for lack of memory or of places in its tables is a refusal.

typedef unsigned char byte;
typedef unsigned int u32;
_Static_assert(sizeof(u32) == 4 && sizeof(void *) == 4, "this is for wasm32");

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) extern u32 name
#define EXPORT(name) __attribute__((export_name(#name)))
#define LENGTH(text) (sizeof(text) - 1)

// The ABI's numbers.
enum { OK = 0 };
enum { CONTINUE = 0, PAUSE = 1 };
enum { ERROR = 4 };
enum { REQUEST_HEADERS = 0, ANSWER_HEADERS = 6 };
enum { ANSWER_BODY = 4, PLUGIN_CONFIGURATION = 7 };
enum { REQUEST = 0 };
#define NO_GRPC_STATUS 0xffffffffu

IMPORT(proxy_log)(u32 level, const byte *text, u32 size);
IMPORT(proxy_get_buffer_bytes)(u32 kind, u32 start, u32 size, byte **data, u32 *length);
IMPORT(proxy_get_property)(const byte *path, u32 size, byte **value, u32 *length);
IMPORT(proxy_get_header_map_value)(u32 map, const byte *name, u32 size, byte **value, u32 *length);
IMPORT(proxy_replace_header_map_value)(u32 map, const byte *name, u32 size, const byte *value, u32 length);
IMPORT(proxy_remove_header_map_value)(u32 map, const byte *name, u32 size);
IMPORT(proxy_http_call)(const byte *cluster, u32 cluster_size, const byte *headers, u32 headers_size, const byte *body,
                        u32 body_size, const byte *trailers, u32 trailers_size, u32 milliseconds, u32 *token);
IMPORT(proxy_send_local_response)(u32 status, const byte *details, u32 details_size, const byte *body, u32 body_size,
                                  const byte *headers, u32 headers_size, u32 grpc_status);
IMPORT(proxy_set_effective_context)(u32 context);
IMPORT(proxy_continue_stream)(u32 stream);

// A piece of memory. `data` is null where there is none, for instance for a header that is not there.
typedef struct {
  const byte *data;
  u32 size;
} Text;

#define TEXT(literal) ((Text){(const byte *)(literal), LENGTH(literal)})

static void log_error(const char *text, u32 size) { (void)proxy_log(ERROR, (const byte *)text, size); }
#define LOG_ERROR(literal) log_error(literal, LENGTH(literal))

// ---- Memory: what a callback needs lives until the next one begins. Nothing is freed, all is taken back at once.

enum { PAGE = 65536 };
extern byte __heap_base;
static u32 used;

static void take_all_back(void) { used = 0; }

// Called by Envoy, too, for what it hands to us. 0 when there is no more: Envoy then says so to whom asked.
EXPORT(proxy_on_memory_allocate) byte *allocate(u32 size) {
  const u32 base = ((u32)&__heap_base + 7u) & ~7u;
  const u32 begin = base + used;
  if (size > 0x7fffffffu - begin) return 0;
  const u32 end = begin + ((size + 7u) & ~7u);
  const u32 there = (u32)__builtin_wasm_memory_size(0);
  const u32 needed = (end + PAGE - 1u) / PAGE;
  if (needed > there && __builtin_wasm_memory_grow(0, needed - there) == (__SIZE_TYPE__)-1) return 0;
  used = end - base;
  return (byte *)begin;
}

static void copy(byte *to, const byte *from, u32 size) {
  for (u32 i = 0; i < size; i++) to[i] = from[i];
}

static int equal(Text one, Text other) {
  if (one.size != other.size) return 0;
  for (u32 i = 0; i < one.size; i++)
    if (one.data[i] != other.data[i]) return 0;
  return 1;
}

// ---- Configurations: one for each root context, of which there are two for a moment when a listener is replaced.

enum { MOST_ROOTS = 16, LONGEST = 256 };

typedef struct {
  u32 size;
  byte data[LONGEST];
} Kept;

typedef struct {
  u32 context;  // 0: none
  Kept cluster, authority, path, user;
  u32 milliseconds, first_allowed, last_allowed;
} Root;

static Root roots[MOST_ROOTS];

static Text text_of(const Kept *kept) { return (Text){kept->data, kept->size}; }

// The root of that context; with 0 a place for one. Null if there is none.
static Root *root_of(u32 context) {
  for (u32 i = 0; i < MOST_ROOTS; i++)
    if (roots[i].context == context) return &roots[i];
  return 0;
}

static int keep(Kept *kept, Text value) {
  if (value.size == 0 || value.size > LONGEST) return 0;
  copy(kept->data, value.data, value.size);
  kept->size = value.size;
  return 1;
}

// A number of one to five digits, and nothing else.
static int number(Text text, u32 *value) {
  if (text.size == 0 || text.size > 5) return 0;
  *value = 0;
  for (u32 i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    *value = *value * 10 + (text.data[i] - '0');
  }
  return 1;
}

// The position of a byte in a text; the text's size if it is not there.
static u32 find(Text text, byte wanted) {
  for (u32 i = 0; i < text.size; i++)
    if (text.data[i] == wanted) return i;
  return text.size;
}

static Text before(Text text, u32 position) { return (Text){text.data, position}; }

// What comes after the byte at that position; nothing where the text ends before it.
static Text after(Text text, u32 position) {
  if (position >= text.size) return (Text){text.data + text.size, 0};
  return (Text){text.data + position + 1, text.size - position - 1};
}

static int range(Text text, u32 *first, u32 *last) {
  const u32 dash = find(text, '-');
  if (!number(before(text, dash), first)) return 0;
  *last = *first;
  return dash == text.size || number(after(text, dash), last);
}

static int set(Root *root, Text line) {
  const u32 sign = find(line, '=');
  const Text name = before(line, sign), value = after(line, sign);
  if (equal(name, TEXT("cluster"))) return keep(&root->cluster, value);
  if (equal(name, TEXT("authority"))) return keep(&root->authority, value);
  if (equal(name, TEXT("path"))) return keep(&root->path, value);
  if (equal(name, TEXT("timeout"))) return number(value, &root->milliseconds);
  if (equal(name, TEXT("allow"))) return range(value, &root->first_allowed, &root->last_allowed);
  if (equal(name, TEXT("user"))) return keep(&root->user, value);
  return 0;
}

static int configure(Root *root, Text text) {
  while (text.size > 0) {
    const u32 end = find(text, '\n');
    if (end > 0 && !set(root, before(text, end))) return 0;
    text = after(text, end);
  }
  return root->cluster.size && root->authority.size && root->path.size && root->user.size && root->milliseconds &&
         root->first_allowed && root->last_allowed;
}

EXPORT(proxy_abi_version_0_2_1) void abi_version(void) {}

EXPORT(proxy_on_vm_start) u32 on_vm_start(u32 context, u32 size) {
  (void)context, (void)size;
  return 1;
}

EXPORT(proxy_on_configure) u32 on_configure(u32 context, u32 size) {
  take_all_back();
  byte *data = 0;
  u32 length = 0;
  const Text property = TEXT("plugin_root_id");
  if (proxy_get_property(property.data, property.size, &data, &length) != OK ||
      !equal((Text){data, length}, TEXT("auth"))) {
    LOG_ERROR("auth.wasm: the one filter in here has the root_id auth");
    return 0;
  }
  data = 0;
  if (size == 0 || proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &data, &length) != OK || data == 0) {
    LOG_ERROR("auth.wasm: no configuration");
    return 0;
  }
  Root *root = root_of(context);
  if (root == 0) root = root_of(0);
  if (root == 0) {
    LOG_ERROR("auth.wasm: too many configurations in one VM");
    return 0;
  }
  *root = (Root){0};
  if (!configure(root, (Text){data, length})) {
    *root = (Root){0};
    LOG_ERROR("auth.wasm: the configuration is not complete, or has a line that is not known: see auth.c");
    return 0;
  }
  root->context = context;
  return 1;
}

// ---- Requests that the service was asked about. Envoy tells a call's end to the root context, by the call's token.

// More than Envoy's own limits let wait for one cluster (1,024 connections and as many requests that wait for one).
enum { MOST_WAITING = 4096 };

typedef struct {
  u32 token, context;
} Waiting;

static Waiting waiting[MOST_WAITING];
static u32 waiting_count;

static void forget(u32 position) { waiting[position] = waiting[--waiting_count]; }

// The root context of the stream that was made last: its request's headers come before another one is made.
static u32 newest_stream, newest_streams_root;

EXPORT(proxy_on_context_create) void on_context_create(u32 context, u32 root) {
  newest_stream = root ? context : 0;
  newest_streams_root = root;
}

EXPORT(proxy_on_done) u32 on_done(u32 context) {
  (void)context;
  return 1;
}

EXPORT(proxy_on_delete) void on_delete(u32 context) {
  Root *root = root_of(context);
  if (root != 0) *root = (Root){0};
  for (u32 i = 0; i < waiting_count; i++)
    if (waiting[i].context == context) forget(i--);
}

// ---- Headers, as the ABI wants them: how many, the sizes of each name and value, then these, each with a NUL.

enum { MOST_PAIRS = 5 };

typedef struct {
  Text name, value;
} Pair;

static byte *put_number(byte *to, u32 value) {
  for (u32 i = 0; i < 4; i++) to[i] = (byte)(value >> (8 * i));
  return to + 4;
}

static byte *put(byte *to, Text text) {
  copy(to, text.data, text.size);
  to[text.size] = 0;
  return to + text.size + 1;
}

// Without those that have no value. Data is null where memory does not do.
static Text serialized(const Pair *pairs, u32 count) {
  u32 size = 4, there = 0;
  for (u32 i = 0; i < count; i++) {
    if (pairs[i].value.data == 0) continue;
    const u32 more = 8 + pairs[i].name.size + 1 + pairs[i].value.size + 1;  // each is in memory: no overflow
    if (more > 0x7fffffffu - size) return (Text){0, 0};
    size += more;
    there++;
  }
  byte *const begin = allocate(size);
  if (begin == 0) return (Text){0, 0};
  byte *end = put_number(begin, there);
  for (u32 i = 0; i < count; i++)
    if (pairs[i].value.data != 0) end = put_number(put_number(end, pairs[i].name.size), pairs[i].value.size);
  for (u32 i = 0; i < count; i++)
    if (pairs[i].value.data != 0) end = put(put(end, pairs[i].name), pairs[i].value);
  return (Text){begin, size};
}

// A header's value. Data is null where it is not there.
static Text header(u32 map, Text name) {
  byte *data = 0;
  u32 length = 0;
  if (proxy_get_header_map_value(map, name.data, name.size, &data, &length) != OK) return (Text){0, 0};
  // An empty value is one all the same.
  return data != 0 ? (Text){data, length} : (Text){(const byte *)"", 0};
}

// ---- The filter.

static void refuse(u32 status, Text body) {
  const Pair pairs[] = {{TEXT("x-auth-by"), TEXT("wasm")}};
  const Text headers = serialized(pairs, 1);
  const Text details = TEXT("wasm_auth_refused");
  // A request that is not answered is not continued either: it waits until its client leaves, or Envoy's timeout.
  (void)proxy_send_local_response(status, details.data, details.size, body.data, body.size, headers.data, headers.size,
                                  NO_GRPC_STATUS);
}

static u32 unavailable(void) {
  refuse(503, TEXT("denied"));
  return PAUSE;
}

EXPORT(proxy_on_request_headers) u32 on_request_headers(u32 context, u32 count, u32 end_of_stream) {
  (void)count, (void)end_of_stream;
  take_all_back();
  const Root *root = context == newest_stream ? root_of(newest_streams_root) : 0;
  if (root == 0 || waiting_count == MOST_WAITING) return unavailable();
  // Only the authentication service says who it is, never the client.
  const Text user = text_of(&root->user);
  if (proxy_remove_header_map_value(REQUEST_HEADERS, user.data, user.size) != OK) return unavailable();

  const Pair pairs[MOST_PAIRS] = {
      {TEXT(":method"), TEXT("GET")},
      {TEXT(":path"), text_of(&root->path)},
      {TEXT(":authority"), text_of(&root->authority)},
      {TEXT("authorization"), header(REQUEST_HEADERS, TEXT("authorization"))},
      {TEXT("x-original-path"), header(REQUEST_HEADERS, TEXT(":path"))},
  };
  const Text headers = serialized(pairs, MOST_PAIRS);
  u32 token = 0;
  if (headers.data == 0 ||
      proxy_http_call(root->cluster.data, root->cluster.size, headers.data, headers.size, 0, 0, 0, 0,
                      root->milliseconds, &token) != OK)
    return unavailable();
  waiting[waiting_count++] = (Waiting){token, context};
  return PAUSE;
}

static Text answers_body(u32 size) {
  byte *data = 0;
  u32 length = 0;
  if (size > 0 && proxy_get_buffer_bytes(ANSWER_BODY, 0, size, &data, &length) == OK && data != 0)
    return (Text){data, length};
  return TEXT("denied");
}

// The service has answered, or Envoy in its place: 503 without a connection, 504 without an answer in time. No headers
// at all: the answer broke off.
EXPORT(proxy_on_http_call_response)
void on_http_call_response(u32 root_context, u32 token, u32 headers, u32 body_size, u32 trailers) {
  (void)headers, (void)trailers;
  take_all_back();
  u32 position = 0;
  while (position < waiting_count && waiting[position].token != token) position++;
  if (position == waiting_count) return;  // the client has left meanwhile
  const u32 stream = waiting[position].context;
  forget(position);

  const Root *root = root_of(root_context);
  const Text written = header(ANSWER_HEADERS, TEXT(":status"));
  u32 status = 0;
  if (root == 0 || written.size != 3 || !number(written, &status)) status = 503;
  const int allowed = root != 0 && status >= root->first_allowed && status <= root->last_allowed;
  const Text user = allowed ? header(ANSWER_HEADERS, text_of(&root->user)) : (Text){0, 0};
  const Text body = allowed ? (Text){0, 0} : answers_body(body_size);

  if (proxy_set_effective_context(stream) != OK) return;
  if (!allowed) {
    // A refusal keeps its status and body; whatever else it may be is a refusal too.
    refuse(status >= 400 && status <= 599 ? status : 403, body);
    return;
  }
  const Text name = text_of(&root->user);
  if (user.data != 0 &&
      proxy_replace_header_map_value(REQUEST_HEADERS, name.data, name.size, user.data, user.size) != OK) {
    refuse(503, TEXT("denied"));
    return;
  }
  (void)proxy_continue_stream(REQUEST);
}
