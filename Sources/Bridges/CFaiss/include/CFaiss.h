// The library `libfreshet-faiss`: the functions of CFaissLoader over the C++ of FAISS.
#pragma once

#include "CFaissLoader.h"

#ifdef __cplusplus
extern "C" {
#endif

const freshet_faiss_functions *freshet_faiss_table(void);

#ifdef __cplusplus
}
#endif
