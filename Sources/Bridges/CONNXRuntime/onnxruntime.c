#include "CONNXRuntime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// From 1.29 on, the official builds for Linux and macOS write a device id and report models and use to their maker,
// unless this is set before they are loaded; their API can only stop later events. Freshet reports to nobody. Set when
// the program starts, before there are threads, since changing the environment beside readers is not safe.
__attribute__((constructor)) static void refuse_telemetry(void) { setenv("ORT_DISABLE_TELEMETRY", "1", 1); }

int freshet_onnxruntime_header_version(void) { return ORT_API_VERSION; }

const OrtApi *freshet_onnxruntime_load(const char *const *paths, const char **version, char *error, size_t capacity) {
  // Someone may have taken it back since; then rather no embeddings than reports.
  const char *refused = getenv("ORT_DISABLE_TELEMETRY");
  if (refused == NULL || strcmp(refused, "1") != 0) {
    snprintf(error, capacity, "ORT_DISABLE_TELEMETRY is no longer 1 in this process, which must not change it");
    return NULL;
  }
  void *library = NULL;
  const char *loaded = NULL;
  size_t length = 0;
  if (capacity > 0) error[0] = '\0';
  for (size_t index = 0; paths[index] != NULL; index++) {
    // Local, so that its symbols cannot take the place of another library's.
    library = dlopen(paths[index], RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
      loaded = paths[index];
      break;
    }
    const char *reason = dlerror();
    if (length < capacity) {
      int written = snprintf(error + length, capacity - length, "%s%s", length > 0 ? "; " : "",
                             reason != NULL ? reason : paths[index]);
      if (written > 0) length += (size_t)written;
    }
  }
  if (library == NULL) return NULL;

  typedef const OrtApiBase *(*GetApiBase)(void);
  GetApiBase get_api_base = (GetApiBase)dlsym(library, "OrtGetApiBase");
  const OrtApiBase *base = get_api_base != NULL ? get_api_base() : NULL;
  if (base == NULL) {
    snprintf(error, capacity, "%s is not ONNX Runtime", loaded);
    dlclose(library);
    return NULL;
  }
  *version = base->GetVersionString();
  const OrtApi *api = base->GetApi(ORT_API_VERSION);
  if (api == NULL) {
    snprintf(error, capacity, "%s is ONNX Runtime %s, and at least 1.%d is needed", loaded, *version, ORT_API_VERSION);
    dlclose(library);
  }
  return api;
}
