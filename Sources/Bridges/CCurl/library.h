// What the files of this bridge share: the functions of libcurl, found at run time, and a slot.
#pragma once

#include "CCurl.h"

#include <curl/curl.h>
#include <stdatomic.h>

struct freshet_curl {
  CURLcode (*global_init)(long);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  void (*easy_reset)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_perform)(CURLM *, int *);
  CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd[], unsigned int, int, int *);
  CURLMcode (*multi_wakeup)(CURLM *);
  CURLMsg *(*multi_info_read)(CURLM *, int *);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
  CURLU *(*url)(void);
  void (*url_cleanup)(CURLU *);
  CURLUcode (*url_set)(CURLU *, CURLUPart, const char *, unsigned int);
  CURLUcode (*url_get)(const CURLU *, CURLUPart, char **, unsigned int);
  void (*free)(void *);
};

// One name for the library, since it is visible to whatever is linked with it.
#define api freshet_curl_api
extern struct freshet_curl api;

struct freshet_http {
  CURL *easy;
  CURLM *multi;
  atomic_bool is_cancelled;
};

curl_socket_t freshet_curl_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address);
CURLcode freshet_curl_exchange(freshet_http *slot);
freshet_http_result freshet_curl_result(CURLcode code);
