// A small blocking HTTP exchange on libcurl, which is loaded at first use: linked, it and what it depends on would cost
// every start of the process about 12 ms. Each callback runs on the thread that performs.
#pragma once

#include <stddef.h>
#include <sys/socket.h>

// A connection slot: keeps its connections open for the next exchange. One exchange at a time.
typedef struct freshet_http freshet_http;

typedef struct {
  const char *method;
  const char *url;
  const char *const *headers; // "Name: value" each, ended by NULL
  const void *body;           // NULL for none
  size_t body_size;
  long connect_timeout_ms;
  long timeout_ms;
} freshet_http_request;

typedef struct {
  void *context;
  // 1 when the address may be connected to.
  int (*allows)(void *context, const struct sockaddr *address, socklen_t size);
  // A header line, or a part of the body (decoded); 1 to go on, 0 to end the exchange.
  int (*header)(void *context, const char *bytes, size_t size);
  int (*body)(void *context, const char *bytes, size_t size);
} freshet_http_callbacks;

typedef enum {
  FRESHET_HTTP_DONE = 0,
  FRESHET_HTTP_STOPPED,      // a callback or freshet_http_cancel ended it
  FRESHET_HTTP_TIMEOUT,
  FRESHET_HTTP_UNRESOLVED,   // the host has no address
  FRESHET_HTTP_UNCONNECTED,  // no address took the connection
  FRESHET_HTTP_UNTRUSTED,    // the certificate does not hold
  FRESHET_HTTP_INVALID,      // the address or scheme is not one that is called
  FRESHET_HTTP_BROKEN,       // the connection or the protocol broke
  FRESHET_HTTP_DENIED,       // mail: the server refuses user or password
  FRESHET_HTTP_UNENCRYPTED,  // mail: the server does not offer encryption
} freshet_http_result;

typedef struct {
  freshet_http_result result;
  long status;
  char *redirect;     // where a redirect leads, absolute, or NULL; free it
  const char *reason; // libcurl's words, a constant
} freshet_http_outcome;

typedef enum {
  FRESHET_URL_SCHEME,
  FRESHET_URL_USER,
  FRESHET_URL_HOST,
  FRESHET_URL_PORT, // the scheme's when none is written
  FRESHET_URL_PATH,
} freshet_url_part;

// Loads libcurl once; NULL when it is there, else why not. The text lives for ever.
const char *freshet_http_load(void);

// All below need a successful load.
freshet_http *freshet_http_open(void);
void freshet_http_close(freshet_http *slot);
freshet_http_outcome freshet_http_perform(freshet_http *slot, const freshet_http_request *request,
                                          const freshet_http_callbacks *callbacks);

typedef struct {
  const char *url;       // smtp:// or smtps://
  const char *from;      // "<address>"
  const char *const *to; // "<address>" each, ended by NULL
  const char *user;      // NULL for none
  const char *password;
  int is_encrypted;      // 1: nothing but the greeting is said before encryption (STARTTLS, or smtps)
  const char *ca_file;   // certificates to trust instead of the system's, or NULL
  const void *message;   // RFC 5322
  size_t message_size;
  long connect_timeout_ms;
  long timeout_ms;
} freshet_mail_request;

// Hands a message to a mail server; `status` of the outcome is the server's last reply code. Only `allows` of the callbacks
// is called.
freshet_http_outcome freshet_mail_perform(freshet_http *slot, const freshet_mail_request *request,
                                          const freshet_http_callbacks *callbacks);

// From any thread, while the slot is open: the exchange that runs ends soon. `reset` before the next one.
void freshet_http_cancel(freshet_http *slot);
void freshet_http_reset(freshet_http *slot);

// A part of an address as libcurl itself reads it, so that a check and the connection agree; free it. NULL when the
// address is none or has no such part.
char *freshet_http_url_part(const char *url, freshet_url_part part);
