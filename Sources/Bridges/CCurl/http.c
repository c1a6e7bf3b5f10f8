#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct freshet_curl api;

static const char *load_problem = NULL;
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load(void) {
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so", "libcurl.4.dylib"};
  void *library = NULL;
  for (size_t index = 0; !library && index < sizeof names / sizeof *names; index++)
    library = dlopen(names[index], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    load_problem = "libcurl is not installed (Debian and Ubuntu: apt-get install libcurl4)";
    return;
  }
#define LOAD(member, symbol)                                  \
  if (!(*(void **)&api.member = dlsym(library, symbol))) {    \
    load_problem = "libcurl is too old; 7.85 or newer is needed"; \
    return;                                                   \
  }
  LOAD(global_init, "curl_global_init")
  LOAD(easy_init, "curl_easy_init")
  LOAD(easy_cleanup, "curl_easy_cleanup")
  LOAD(easy_reset, "curl_easy_reset")
  LOAD(easy_setopt, "curl_easy_setopt")
  LOAD(easy_getinfo, "curl_easy_getinfo")
  LOAD(easy_strerror, "curl_easy_strerror")
  LOAD(multi_init, "curl_multi_init")
  LOAD(multi_cleanup, "curl_multi_cleanup")
  LOAD(multi_add_handle, "curl_multi_add_handle")
  LOAD(multi_remove_handle, "curl_multi_remove_handle")
  LOAD(multi_perform, "curl_multi_perform")
  LOAD(multi_poll, "curl_multi_poll")
  LOAD(multi_wakeup, "curl_multi_wakeup")
  LOAD(multi_info_read, "curl_multi_info_read")
  LOAD(slist_append, "curl_slist_append")
  LOAD(slist_free_all, "curl_slist_free_all")
  LOAD(url, "curl_url")
  LOAD(url_cleanup, "curl_url_cleanup")
  LOAD(url_set, "curl_url_set")
  LOAD(url_get, "curl_url_get")
  LOAD(free, "curl_free")
#undef LOAD
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) load_problem = "libcurl cannot be started";
}

const char *freshet_http_load(void) {
  pthread_once(&load_once, load);
  return load_problem;
}

freshet_http *freshet_http_open(void) {
  freshet_http *slot = calloc(1, sizeof *slot);
  if (!slot) return NULL;
  slot->easy = api.easy_init();
  slot->multi = api.multi_init();
  if (slot->easy && slot->multi) return slot;
  freshet_http_close(slot);
  return NULL;
}

void freshet_http_close(freshet_http *slot) {
  if (!slot) return;
  if (slot->easy) api.easy_cleanup(slot->easy);
  if (slot->multi) api.multi_cleanup(slot->multi);
  free(slot);
}

void freshet_http_cancel(freshet_http *slot) {
  atomic_store(&slot->is_cancelled, true);
  api.multi_wakeup(slot->multi);
}

void freshet_http_reset(freshet_http *slot) { atomic_store(&slot->is_cancelled, false); }

curl_socket_t freshet_curl_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  const freshet_http_callbacks *callbacks = context;
  if (purpose != CURLSOCKTYPE_IPCXN || !callbacks->allows(callbacks->context, &address->addr, address->addrlen))
    return CURL_SOCKET_BAD;
#ifdef SOCK_CLOEXEC
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
  return socket(address->family, address->socktype, address->protocol);
#endif
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
  const freshet_http_callbacks *callbacks = context;
  return callbacks->header(callbacks->context, bytes, size * count) ? size * count : 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  const freshet_http_callbacks *callbacks = context;
  if (size * count == 0) return 0;
  return callbacks->body(callbacks->context, bytes, size * count) ? size * count : 0;
}

freshet_http_result freshet_curl_result(CURLcode code) {
  switch (code) {
  case CURLE_OK: return FRESHET_HTTP_DONE;
  case CURLE_WRITE_ERROR:
  case CURLE_ABORTED_BY_CALLBACK: return FRESHET_HTTP_STOPPED;
  case CURLE_OPERATION_TIMEDOUT: return FRESHET_HTTP_TIMEOUT;
  case CURLE_COULDNT_RESOLVE_HOST: return FRESHET_HTTP_UNRESOLVED;
  case CURLE_COULDNT_CONNECT: return FRESHET_HTTP_UNCONNECTED;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE: return FRESHET_HTTP_UNTRUSTED;
  case CURLE_LOGIN_DENIED: return FRESHET_HTTP_DENIED;
  case CURLE_USE_SSL_FAILED: return FRESHET_HTTP_UNENCRYPTED;
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL: return FRESHET_HTTP_INVALID;
  default: return FRESHET_HTTP_BROKEN;
  }
}

// Every option that a check depends on must have been taken.
static CURLcode prepare(CURL *easy, const freshet_http_request *request, const freshet_http_callbacks *callbacks,
                        struct curl_slist *headers) {
  CURLcode code = CURLE_OK;
#define SET(option, value) \
  if (code == CURLE_OK) code = api.easy_setopt(easy, option, value)
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L); // the caller follows, and checks each step
  SET(CURLOPT_PROXY, "");          // a proxy would make the address check void
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, freshet_curl_open_socket);
  SET(CURLOPT_OPENSOCKETDATA, (void *)callbacks);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, (void *)callbacks);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, (void *)callbacks);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
  SET(CURLOPT_ACCEPT_ENCODING, "");
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_HTTPHEADER, headers);
  if (request->body) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    SET(CURLOPT_POSTFIELDS, request->body);
  }
  if (strcmp(request->method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
  } else if (strcmp(request->method, request->body ? "POST" : "GET") != 0) {
    SET(CURLOPT_CUSTOMREQUEST, request->method);
  }
#undef SET
  return code;
}

CURLcode freshet_curl_exchange(freshet_http *slot) {
  if (api.multi_add_handle(slot->multi, slot->easy) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
  CURLcode code = CURLE_RECV_ERROR;
  int running = 1;
  while (running) {
    if (api.multi_perform(slot->multi, &running) != CURLM_OK) break;
    if (atomic_load(&slot->is_cancelled)) {
      code = CURLE_ABORTED_BY_CALLBACK;
      running = 0;
    } else if (running) {
      api.multi_poll(slot->multi, NULL, 0, 1000, NULL);
    } else {
      int left;
      CURLMsg *message = api.multi_info_read(slot->multi, &left);
      if (message && message->msg == CURLMSG_DONE) code = message->data.result;
    }
  }
  api.multi_remove_handle(slot->multi, slot->easy);
  return code;
}

freshet_http_outcome freshet_http_perform(freshet_http *slot, const freshet_http_request *request,
                                          const freshet_http_callbacks *callbacks) {
  freshet_http_outcome outcome = {FRESHET_HTTP_BROKEN, 0, NULL, "out of memory"};
  struct curl_slist *headers = NULL;
  for (const char *const *header = request->headers; *header; header++) {
    struct curl_slist *longer = api.slist_append(headers, *header);
    if (!longer) {
      api.slist_free_all(headers);
      return outcome;
    }
    headers = longer;
  }
  CURLcode code = prepare(slot->easy, request, callbacks, headers);
  if (code == CURLE_OK) code = freshet_curl_exchange(slot);
  outcome.result = freshet_curl_result(code);
  outcome.reason = api.easy_strerror(code);
  api.easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
  char *redirect = NULL;
  if (api.easy_getinfo(slot->easy, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect)
    outcome.redirect = strdup(redirect);
  api.easy_reset(slot->easy);
  api.slist_free_all(headers);
  return outcome;
}

char *freshet_http_url_part(const char *url, freshet_url_part part) {
  static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_USER, CURLUPART_HOST, CURLUPART_PORT, CURLUPART_PATH};
  CURLU *handle = api.url();
  char *copy = NULL;
  char *text = NULL;
  if (handle && api.url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
      api.url_get(handle, parts[part], &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
    copy = strdup(text);
  if (text) api.free(text);
  if (handle) api.url_cleanup(handle);
  return copy;
}
