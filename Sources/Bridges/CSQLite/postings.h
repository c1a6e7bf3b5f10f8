#pragma once
#include "CSQLite.h"

// Makes the function of `freshet_bind_postings` known.
int freshet_register_postings(fts5_api *api);
