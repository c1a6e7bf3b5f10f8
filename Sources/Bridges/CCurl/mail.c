#include "library.h"

#include <string.h>

typedef struct {
  const char *rest;
  size_t size;
} source;

static size_t give(char *buffer, size_t size, size_t count, void *context) {
  source *message = context;
  size_t room = size * count;
  size_t given = message->size < room ? message->size : room;
  memcpy(buffer, message->rest, given);
  message->rest += given;
  message->size -= given;
  return given;
}

static size_t ignore(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  (void)context;
  return size * count;
}

// Every option that a check depends on must have been taken.
static CURLcode prepare(CURL *easy, const freshet_mail_request *request, const freshet_http_callbacks *callbacks,
                        struct curl_slist *recipients, source *message) {
  CURLcode code = CURLE_OK;
#define SET(option, value) \
  if (code == CURLE_OK) code = api.easy_setopt(easy, option, value)
  SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  SET(CURLOPT_PROXY, ""); // a proxy would make the address check void
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_OPENSOCKETFUNCTION, freshet_curl_open_socket);
  SET(CURLOPT_OPENSOCKETDATA, (void *)callbacks);
  SET(CURLOPT_WRITEFUNCTION, ignore);
  SET(CURLOPT_HEADERFUNCTION, ignore);
  SET(CURLOPT_USE_SSL, request->is_encrypted ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  if (request->ca_file) {
    SET(CURLOPT_CAINFO, request->ca_file);
    SET(CURLOPT_CAPATH, NULL);
  }
  SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_MAIL_FROM, request->from);
  SET(CURLOPT_MAIL_RCPT, recipients);
  if (request->user) {
    SET(CURLOPT_USERNAME, request->user);
    SET(CURLOPT_PASSWORD, request->password ? request->password : "");
  }
  SET(CURLOPT_UPLOAD, 1L);
  SET(CURLOPT_READFUNCTION, give);
  SET(CURLOPT_READDATA, message);
#undef SET
  return code;
}

freshet_http_outcome freshet_mail_perform(freshet_http *slot, const freshet_mail_request *request,
                                          const freshet_http_callbacks *callbacks) {
  freshet_http_outcome outcome = {FRESHET_HTTP_BROKEN, 0, NULL, "out of memory"};
  struct curl_slist *recipients = NULL;
  for (const char *const *recipient = request->to; *recipient; recipient++) {
    struct curl_slist *longer = api.slist_append(recipients, *recipient);
    if (!longer) {
      api.slist_free_all(recipients);
      return outcome;
    }
    recipients = longer;
  }
  source message = {request->message, request->message_size};
  CURLcode code = prepare(slot->easy, request, callbacks, recipients, &message);
  if (code == CURLE_OK) code = freshet_curl_exchange(slot);
  outcome.result = freshet_curl_result(code);
  outcome.reason = api.easy_strerror(code);
  api.easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
  api.easy_reset(slot->easy);
  api.slist_free_all(recipients);
  return outcome;
}
