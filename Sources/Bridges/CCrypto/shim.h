// OpenSSL's digests (libcrypto). No load-time work of ours: EVP fetches its implementations at first use.
#pragma once
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
