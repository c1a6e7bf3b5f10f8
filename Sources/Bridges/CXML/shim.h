// libxml2's HTML parser.
#pragma once
#include <libxml/xmlversion.h>
// Its encoding handlers are not used; with ICU's headers the module would clash with the copy in Foundation.
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
