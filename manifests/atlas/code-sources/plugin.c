// A small plugin by which can be seen where it was loaded, with whom it shares a VM, and what becomes of all of them when it
// fails. It speaks the Proxy-Wasm ABI 0.2.1 without an SDK (https://github.com/proxy-wasm/spec). ./build makes plugin.wasm.
//
// Requests, connections and entries of the log are counted in the VM's memory: x-count tells how many there were in that VM, and
// x-configured with what the plugin was. By a request's header x-plugin it fails at a moment: at-headers, at-body, at-trailers,
// at-answer, at-answer-body, at-log; x-by says how: memory, divide, stack, call, exit, and by itself unreachable. With
// x-plugin: environment it tells the variables that it has, with x-plugin: pause it does not go on. Some configurations are
// words: "refuse" and "trap" have it not be configured, "tick" and "tick-trap" have it count, or fail, in between, "done-trap"
// fail at its end, "trap-at-connections" and "hold-connections" do so with each; a VM's "refuse" or "trap" does so at its
// start. Bytes of connections that begin with trap, close, hold or replace have that done.

typedef unsigned char byte;
typedef unsigned int u32;

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) extern u32 name
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) extern u32 name
#define EXPORT(name) __attribute__((export_name(#name)))
#define TEXT(literal) (const byte *)(literal), sizeof(literal) - 1

enum { CONTINUE = 0, PAUSE = 1 };
enum { REQUEST_HEADERS = 0 };
enum { OF_CLIENT = 2, OF_UPSTREAM = 3, VM_CONFIGURATION = 6, PLUGIN_CONFIGURATION = 7 };
enum { INFO = 2 };

IMPORT(proxy_log)(u32 level, const byte *text, u32 size);
IMPORT(proxy_get_buffer_bytes)(u32 kind, u32 start, u32 size, byte **data, u32 *length);
IMPORT(proxy_set_buffer_bytes)(u32 kind, u32 start, u32 size, const byte *data, u32 length);
IMPORT(proxy_get_header_map_value)(u32 map, const byte *name, u32 size, byte **value, u32 *length);
IMPORT(proxy_add_header_map_value)(u32 map, const byte *name, u32 size, const byte *value, u32 length);
IMPORT(proxy_set_tick_period_milliseconds)(u32 period);
IMPORT(proxy_define_metric)(u32 kind, const byte *name, u32 size, u32 *metric);
IMPORT(proxy_increment_metric)(u32 metric, long long by);
IMPORT(proxy_close_stream)(u32 kind);
WASI(environ_sizes_get)(u32 *count, u32 *size);
WASI(environ_get)(byte **variables, byte *texts);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) extern void proc_exit(u32 code);

// What the host gives lives until the next callback begins.
static byte memory[1 << 15];
static u32 used, count, ticks, requests_metric, ticks_metric;

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

// What lives longer: with what each plugin of the VM was configured, which plugin a context is of, and what the request that
// was begun last asks for. A host shows configurations and headers no later than that.
typedef struct {
  byte data[32];
  u32 size;
} Kept;

enum { CONTEXTS = 64 };
static Kept configurations[CONTEXTS], moment, manner;
static u32 plugins[CONTEXTS];

static void keep(Kept *kept, Text text) {
  kept->size = text.size < sizeof(kept->data) ? text.size : sizeof(kept->data);
  for (u32 at = 0; at < kept->size; at++) kept->data[at] = text.data[at];
}

static Text configured(u32 context) {
  Kept *kept = configurations + plugins[context % CONTEXTS] % CONTEXTS;
  Text text = {kept->data, kept->size};
  return text;
}

static Text header(const byte *name, u32 size) {
  Text found = {0, 0};
  (void)proxy_get_header_map_value(REQUEST_HEADERS, name, size, &found.data, &found.size);
  return found;
}

static Text buffer(u32 kind) {
  Text found = {0, 0};
  (void)proxy_get_buffer_bytes(kind, 0, 1000, &found.data, &found.size);
  return found;
}

static int begins(Text text, const byte *wanted, u32 size) {
  if (text.size < size) return 0;
  for (u32 at = 0; at < size; at++)
    if (text.data[at] != wanted[at]) return 0;
  return 1;
}

static int is(Text text, const byte *wanted, u32 size) { return text.size == size && begins(text, wanted, size); }

static volatile u32 zero;

__attribute__((noinline)) static u32 deeper(volatile u32 *above) {
  volatile u32 room[64];
  if (!~above[0]) return 0;
  room[0] = above[0] + 1;
  return deeper(room) + room[0];
}

static void fail(void) {
  Text how = {manner.data, manner.size};
  if (is(how, TEXT("memory"))) {
    *(volatile u32 *)0xfffffff0u = 1;
  } else if (is(how, TEXT("divide"))) {
    zero = 1 / zero;
  } else if (is(how, TEXT("stack"))) {
    zero = deeper(&zero);
  } else if (is(how, TEXT("call"))) {
    ((void (*)(void))(0x7000 + zero))();
  } else if (is(how, TEXT("exit"))) {
    proc_exit(3);
  }
  __builtin_trap();
}

static void fail_at(const byte *at, u32 size) {
  Text wanted = {moment.data, moment.size};
  if (is(wanted, at, size)) fail();
}

static void tell_count(void) {
  byte digits[3] = {(byte)('0' + count / 100 % 10), (byte)('0' + count / 10 % 10), (byte)('0' + count % 10)};
  (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-count"), digits, sizeof(digits));
}

static void tell_environment(void) {
  u32 number = 0, size = 0;
  byte *variables[8];
  (void)environ_sizes_get(&number, &size);
  byte *texts = give(size);
  if (number > 8 || !texts || environ_get(variables, texts)) return;
  for (u32 at = 0; at < number; at++) {
    for (size = 0; variables[at][size]; size++) {}
    (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-variable"), variables[at], size);
  }
}

EXPORT(proxy_abi_version_0_2_1) void version(void) {}
EXPORT(proxy_on_memory_allocate) byte *on_memory(u32 size) { return give(size); }
EXPORT(proxy_on_context_create) void on_context(u32 context, u32 plugin) {
  used = 0;
  plugins[context % CONTEXTS] = plugin ? plugin : context;
}

EXPORT(proxy_on_vm_start) u32 on_start(u32 context, u32 size) {
  (void)context, (void)size, used = 0;
  Text wanted = buffer(VM_CONFIGURATION);
  if (is(wanted, TEXT("trap"))) __builtin_trap();
  return !is(wanted, TEXT("refuse"));
}

EXPORT(proxy_on_configure) u32 on_configure(u32 context, u32 size) {
  (void)size, used = 0;
  Text wanted = buffer(PLUGIN_CONFIGURATION);
  keep(configurations + context % CONTEXTS, wanted);
  if (is(wanted, TEXT("trap"))) __builtin_trap();
  if (is(wanted, TEXT("refuse"))) {
    (void)proxy_log(INFO, TEXT("not so"));
    return 0;
  }
  (void)proxy_define_metric(0, TEXT("plugin_requests"), &requests_metric);
  (void)proxy_define_metric(0, TEXT("plugin_ticks"), &ticks_metric);
  if (begins(wanted, TEXT("tick"))) (void)proxy_set_tick_period_milliseconds(10);
  return 1;
}

EXPORT(proxy_on_tick) void on_tick(u32 context) {
  used = 0;
  if (is(configured(context), TEXT("tick-trap"))) __builtin_trap();
  (void)proxy_increment_metric(ticks_metric, 1);
  if (++ticks % 3 == 0) (void)proxy_set_tick_period_milliseconds(0);
}

EXPORT(proxy_on_done) u32 on_done(u32 context) {
  used = 0;
  if (is(configured(context), TEXT("done-trap"))) __builtin_trap();
  return 1;
}

EXPORT(proxy_on_request_headers) u32 on_request(u32 context, u32 headers, u32 end) {
  (void)headers, (void)end, used = 0, count++;
  (void)proxy_increment_metric(requests_metric, 1);
  keep(&moment, header(TEXT("x-plugin")));
  keep(&manner, header(TEXT("x-by")));
  fail_at(TEXT("at-headers"));
  tell_count();
  Text text = configured(context);
  if (text.size) (void)proxy_add_header_map_value(REQUEST_HEADERS, TEXT("x-configured"), text.data, text.size);
  if (is(header(TEXT("x-plugin")), TEXT("environment"))) tell_environment();
  return is(header(TEXT("x-plugin")), TEXT("pause")) ? PAUSE : CONTINUE;
}

EXPORT(proxy_on_request_body) u32 on_body(u32 context, u32 size, u32 end) {
  (void)context, (void)size, (void)end, used = 0;
  fail_at(TEXT("at-body"));
  return CONTINUE;
}

EXPORT(proxy_on_request_trailers) u32 on_trailers(u32 context, u32 number) {
  (void)context, (void)number, used = 0;
  fail_at(TEXT("at-trailers"));
  return CONTINUE;
}

EXPORT(proxy_on_response_headers) u32 on_answer(u32 context, u32 headers, u32 end) {
  (void)context, (void)headers, (void)end, used = 0;
  fail_at(TEXT("at-answer"));
  return CONTINUE;
}

EXPORT(proxy_on_response_body) u32 on_answer_body(u32 context, u32 size, u32 end) {
  (void)context, (void)size, (void)end, used = 0;
  fail_at(TEXT("at-answer-body"));
  return CONTINUE;
}

EXPORT(proxy_on_log) void on_log(u32 context) {
  (void)context, used = 0, count++;
  keep(&moment, header(TEXT("x-plugin")));
  fail_at(TEXT("at-log"));
}

EXPORT(proxy_on_new_connection) u32 on_connection(u32 context) {
  used = 0, count++;
  if (is(configured(context), TEXT("trap-at-connections"))) __builtin_trap();
  return is(configured(context), TEXT("hold-connections")) ? PAUSE : CONTINUE;
}

static u32 on_data(u32 kind, u32 size) {
  used = 0;
  Text data = buffer(kind);
  if (begins(data, TEXT("trap"))) __builtin_trap();
  if (begins(data, TEXT("close"))) (void)proxy_close_stream(kind);
  if (begins(data, TEXT("replace"))) (void)proxy_set_buffer_bytes(kind, 0, size, TEXT("replaced\n"));
  return begins(data, TEXT("hold")) && size < 10 ? PAUSE : CONTINUE;
}

EXPORT(proxy_on_downstream_data) u32 on_client(u32 context, u32 size, u32 end) {
  (void)context, (void)end;
  return on_data(OF_CLIENT, size);
}

EXPORT(proxy_on_upstream_data) u32 on_upstream(u32 context, u32 size, u32 end) {
  (void)context, (void)end;
  return on_data(OF_UPSTREAM, size);
}
