#include "CONNXRuntime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// From 1.29 on, the official builds for Linux and macOS write a device id and report models and use to their maker,
// unless ORT_DISABLE_TELEMETRY=1 is set before they start; their API can only stop later events. Freshet reports to
// nobody, so such a library is not started without it. It is not set here: changing the environment beside readers in
// other threads is not safe, and before main it makes Swift's static runtime lose the program's arguments.
static int reports(const char *version) {
  int major = 0, minor = 0;
  const char *refused = getenv("ORT_DISABLE_TELEMETRY");
  if (refused != NULL && strcmp(refused, "1") == 0) return 0;
  return sscanf(version, "%d.%d", &major, &minor) != 2 || major > 1 || minor >= 29;
}

int freshet_onnxruntime_header_version(void) { return ORT_API_VERSION; }

const OrtApi *freshet_onnxruntime_load(const char *const *paths, const char **version, char *error, size_t capacity) {
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
  if (reports(*version)) {
    snprintf(error, capacity, "%s is ONNX Runtime %s, which may report to its maker; set ORT_DISABLE_TELEMETRY=1",
             loaded, *version);
    *version = NULL;
    dlclose(library);
    return NULL;
  }
  const OrtApi *api = base->GetApi(ORT_API_VERSION);
  if (api == NULL) {
    snprintf(error, capacity, "%s is ONNX Runtime %s, and at least 1.%d is needed", loaded, *version, ORT_API_VERSION);
    *version = NULL;  // It points into the library.
    dlclose(library);
  }
  return api;
}
