#include "CONNXRuntime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

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
  const OrtApi *api = base->GetApi(ORT_API_VERSION);
  if (api == NULL) {
    snprintf(error, capacity, "%s is ONNX Runtime %s, and at least 1.%d is needed", loaded, *version, ORT_API_VERSION);
    dlclose(library);
  }
  return api;
}
