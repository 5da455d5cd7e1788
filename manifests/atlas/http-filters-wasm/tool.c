// A small filter that does what the request's header x-wasm says, so that what a host lets filters do can be seen. It speaks
// the Proxy-Wasm ABI 0.2.1 without an SDK (https://github.com/proxy-wasm/spec). ./build makes tool.wasm of it.
//
//     headers      adds, replaces and removes headers of the request
//     config       tells the plugin's configuration in x-value
//     property     tells what the header x-property names, its parts divided by blanks
//     respond      answers 403
//     body         puts a text in the place of the request's body
//     function     calls the host's function that the header x-function names; with x-quiet no header is changed
//     environment  tells the variables of its environment
//     call         waits for an upstream's answer, then goes on; x-function is called then, too
//     root-call    the same by the plugin, which is told of the answer in place of the request
//     hold         waits so with the first bytes of the body in its hands; " held" then follows them
//     shared       keeps a text where all filters of the VM find it, and tells what was there
//     metric       counts
//     log          writes lines of every level
//     trap         ends its VM
//
// At the answer it adds x-by-wasm, and does what x-wasm-answer of the answer says: respond, trap. As an access log it writes
// a request's path to Envoy's log where x-wasm is logged.

typedef unsigned char byte;
typedef unsigned int u32;

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) extern u32 name
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) extern u32 name
#define EXPORT(name) __attribute__((export_name(#name)))
#define TEXT(literal) (const byte *)(literal), sizeof(literal) - 1

enum { CONTINUE = 0, PAUSE = 1 };
enum { REQUEST_HEADERS = 0, ANSWER_HEADERS = 2 };
enum { REQUEST_BODY = 0, PLUGIN_CONFIGURATION = 7 };

IMPORT(proxy_log)(u32 level, const byte *text, u32 size);
IMPORT(proxy_get_buffer_bytes)(u32 kind, u32 start, u32 size, byte **data, u32 *length);
IMPORT(proxy_set_buffer_bytes)(u32 kind, u32 start, u32 size, const byte *data, u32 length);
IMPORT(proxy_get_property)(const byte *path, u32 size, byte **value, u32 *length);
IMPORT(proxy_set_property)(const byte *path, u32 size, const byte *value, u32 length);
IMPORT(proxy_get_header_map_value)(u32 map, const byte *name, u32 size, byte **value, u32 *length);
IMPORT(proxy_add_header_map_value)(u32 map, const byte *name, u32 size, const byte *value, u32 length);
IMPORT(proxy_replace_header_map_value)(u32 map, const byte *name, u32 size, const byte *value, u32 length);
IMPORT(proxy_remove_header_map_value)(u32 map, const byte *name, u32 size);
IMPORT(proxy_send_local_response)(u32 status, const byte *details, u32 details_size, const byte *body, u32 body_size,
                                  const byte *headers, u32 headers_size, u32 grpc_status);
IMPORT(proxy_call_foreign_function)(const byte *name, u32 size, const byte *argument, u32 length, byte **result,
                                    u32 *result_length);
IMPORT(proxy_get_shared_data)(const byte *key, u32 size, byte **value, u32 *length, u32 *turn);
IMPORT(proxy_set_shared_data)(const byte *key, u32 size, const byte *value, u32 length, u32 turn);
IMPORT(proxy_define_metric)(u32 kind, const byte *name, u32 size, u32 *metric);
IMPORT(proxy_increment_metric)(u32 metric, long long by);
IMPORT(proxy_http_call)(const byte *cluster, u32 size, const byte *headers, u32 headers_size, const byte *body, u32 body_size,
                        const byte *trailers, u32 trailers_size, u32 milliseconds, u32 *token);
IMPORT(proxy_continue_stream)(u32 kind);
IMPORT(proxy_set_effective_context)(u32 context);
WASI(environ_sizes_get)(u32 *count, u32 *size);
WASI(environ_get)(byte **variables, byte *texts);

// What the host gives lives until the next callback begins.
static byte memory[1 << 18];
static u32 used;

EXPORT(malloc) byte *give(u32 size) {
  u32 at = used;
  if (size > sizeof(memory) - used) return 0;
  used += (size + 7) & ~7u;
  return memory + at;
}

typedef struct {
  byte *data;
  u32 size;
} Text;

static Text header(u32 map, const byte *name, u32 size) {
  Text found = {0, 0};
  (void)proxy_get_header_map_value(map, name, size, &found.data, &found.size);
  return found;
}

static int is(Text text, const byte *wanted, u32 size) {
  if (text.size != size) return 0;
  for (u32 at = 0; at < size; at++)
    if (text.data[at] != wanted[at]) return 0;
  return 1;
}

static void add_status(const byte *name, u32 size, u32 status) {
  byte digits[2] = {(byte)('0' + status / 10 % 10), (byte)('0' + status % 10)};
  (void)proxy_add_header_map_value(REQUEST_HEADERS, name, size, digits, 2);
}

static void respond(void) {
  (void)proxy_send_local_response(403, TEXT("by_tool"), TEXT("no\n"), 0, 0, 0xffffffffu);
}

static u32 metric, has_metric;

// The contexts of the plugin and of the request that waits: at most one does.
static u32 plugin, waiting, held;

// Two headers and what they need: their number, the lengths of names and values, and these, each with a zero behind.
static const byte ASKED[] =
    "\3\0\0\0\7\0\0\0\3\0\0\0\5\0\0\0\1\0\0\0\12\0\0\0\4\0\0\0:method\0GET\0:path\0/\0:authority\0tool";
static const byte NOTHING[] = {0, 0, 0, 0};

static u32 ask(u32 context) {
  u32 token = 0;
  waiting = context;
  return proxy_http_call(TEXT("upstream"), ASKED, sizeof(ASKED), 0, 0, NOTHING, sizeof(NOTHING), 1000, &token);
}

static int is_quiet(void) { return header(REQUEST_HEADERS, TEXT("x-quiet")).size > 0; }

// A change of headers has the route looked for again, a state's does not.
static void call_function(void) {
  Text name = header(REQUEST_HEADERS, TEXT("x-function")), value = {0, 0};
  if (!name.size) return;
  if (is_quiet()) {
    (void)proxy_set_property(TEXT("who"), TEXT("alice"));
    (void)proxy_call_foreign_function(name.data, name.size, TEXT("hello"), &value.data, &value.size);
    return;
  }
  (void)proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-user"), TEXT("alice"));
  add_status(TEXT("x-status"), proxy_call_foreign_function(name.data, name.size, TEXT("hello"), &value.data, &value.size));
  add_status(TEXT("x-size"), value.size);
}

EXPORT(proxy_abi_version_0_2_1) void version(void) {}
EXPORT(proxy_on_memory_allocate) byte *on_memory(u32 size) { return give(size); }
EXPORT(proxy_on_context_create) void on_context(u32 context, u32 root) {
  used = 0;
  if (!root) plugin = context;
}
EXPORT(proxy_on_vm_start) u32 on_start(u32 context, u32 size) { (void)context, (void)size; used = 0; return 1; }

EXPORT(proxy_on_configure) u32 on_configure(u32 context, u32 size) {
  (void)context, (void)size;
  used = 0;
  has_metric = proxy_define_metric(0, TEXT("tool_requests"), &metric) == 0;
  return 1;
}

EXPORT(proxy_on_request_headers) u32 on_request(u32 context, u32 count, u32 end) {
  (void)count, (void)end;
  used = held = 0;
  Text wanted = header(REQUEST_HEADERS, TEXT("x-wasm")), value = {0, 0};
  if (is(wanted, TEXT("headers"))) {
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-added"), TEXT("1"));
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-added"), TEXT("2"));
    (void)proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-replaced"), TEXT("new"));
    (void)proxy_remove_header_map_value(REQUEST_HEADERS, TEXT("x-removed"));
    (void)proxy_replace_header_map_value(REQUEST_HEADERS, TEXT(":path"), TEXT("/by-tool"));
  } else if (is(wanted, TEXT("config"))) {
    u32 status = proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 1000, &value.data, &value.size);
    add_status(TEXT("x-status"), status);
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-value"), value.data, value.size);
  } else if (is(wanted, TEXT("property"))) {
    Text path = header(REQUEST_HEADERS, TEXT("x-property"));
    for (u32 at = 0; at < path.size; at++)
      if (path.data[at] == ' ') path.data[at] = 0;
    add_status(TEXT("x-status"), proxy_get_property(path.data, path.size, &value.data, &value.size));
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-value"), value.data, value.size);
  } else if (is(wanted, TEXT("respond"))) {
    respond();
    return PAUSE;
  } else if (is(wanted, TEXT("function"))) {
    call_function();
  } else if (is(wanted, TEXT("environment"))) {
    u32 number = 0, size = 0;
    byte *variables[8];
    add_status(TEXT("x-status"), environ_sizes_get(&number, &size));
    value.data = give(size);
    if (number <= 8 && value.data && !environ_get(variables, value.data))
      for (u32 at = 0; at < number; at++) {
        for (size = 0; variables[at][size]; size++) {}
        (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-value"), variables[at], size);
      }
  } else if (is(wanted, TEXT("call"))) {
    u32 status = ask(context);
    if (!is_quiet()) add_status(TEXT("x-asked"), status);
    return PAUSE;
  } else if (is(wanted, TEXT("root-call"))) {
    (void)proxy_set_effective_context(plugin);
    u32 status = ask(context);
    (void)proxy_set_effective_context(context);
    if (!is_quiet()) add_status(TEXT("x-asked"), status);
    return PAUSE;
  } else if (is(wanted, TEXT("shared"))) {
    u32 turn = 0;
    add_status(TEXT("x-status"), proxy_get_shared_data(TEXT("key"), &value.data, &value.size, &turn));
    add_status(TEXT("x-set"), proxy_set_shared_data(TEXT("key"), TEXT("value"), 0));
    add_status(TEXT("x-set-late"), proxy_set_shared_data(TEXT("key"), TEXT("late"), 77777));
    (void)proxy_get_shared_data(TEXT("key"), &value.data, &value.size, &turn);
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-value"), value.data, value.size);
  } else if (is(wanted, TEXT("metric"))) {
    add_status(TEXT("x-status"), has_metric ? proxy_increment_metric(metric, 3) : 99);
  } else if (is(wanted, TEXT("log"))) {
    for (u32 level = 0; level < 6; level++) (void)proxy_log(level, TEXT("a line of tool"));
  } else if (is(wanted, TEXT("trap"))) {
    __builtin_trap();
  }
  return CONTINUE;
}

EXPORT(proxy_on_http_call_response) void on_call(u32 context, u32 token, u32 headers, u32 size, u32 trailers) {
  (void)context, (void)token, (void)headers, (void)size, (void)trailers;
  used = 0;
  (void)proxy_set_effective_context(waiting);
  if (held) {
    held = 2;
    (void)proxy_set_buffer_bytes(REQUEST_BODY, 0x7fffffff, 0, TEXT(" held"));
  } else {
    call_function();
  }
  (void)proxy_continue_stream(0);
}

EXPORT(proxy_on_log) void on_log(u32 context) {
  (void)context;
  used = 0;
  if (is(header(REQUEST_HEADERS, TEXT("x-wasm")), TEXT("logged"))) {
    Text path = header(REQUEST_HEADERS, TEXT(":path"));
    (void)proxy_log(3, path.data, path.size);
  }
}

EXPORT(proxy_on_request_body) u32 on_body(u32 context, u32 size, u32 end) {
  used = 0;
  if (is(header(REQUEST_HEADERS, TEXT("x-wasm")), TEXT("hold"))) {
    if (held == 2) return CONTINUE;
    if (!held && ask(context)) return CONTINUE;
    held = 1;
    return PAUSE;
  }
  if (!is(header(REQUEST_HEADERS, TEXT("x-wasm")), TEXT("body"))) return CONTINUE;
  if (!end) return PAUSE;
  (void)proxy_set_buffer_bytes(REQUEST_BODY, 0, size, TEXT("by tool"));
  return CONTINUE;
}

EXPORT(proxy_on_response_headers) u32 on_answer(u32 context, u32 count, u32 end) {
  (void)context, (void)count, (void)end;
  used = 0;
  (void)proxy_add_header_map_value(ANSWER_HEADERS, TEXT("x-by-wasm"), TEXT("yes"));
  Text wanted = header(ANSWER_HEADERS, TEXT("x-wasm-answer"));
  if (is(wanted, TEXT("respond"))) {
    respond();
    return PAUSE;
  }
  if (is(wanted, TEXT("trap"))) __builtin_trap();
  return CONTINUE;
}
