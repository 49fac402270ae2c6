#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* Function-like macros and flags of OpenSSL, which Swift does not see. */

/* Before anything else. Without OpenSSL's clean-up at the process's end: threads of links may still use it then. */
static inline void holdfast_ssl_begin(void) {
    OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* TLS 1.2 or later, and no second handshake on a connection: after the first one, a write never has to wait for a
   read. */
static inline int holdfast_ssl_ctx_set_rules(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

/* Names stand in the subject alternative names, and nowhere else; a wildcard stands for a whole label. */
static inline void holdfast_ssl_set_name_rules(SSL *ssl) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

static inline long holdfast_ssl_set_sni(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}

static inline int holdfast_err_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

/* The errno behind an error that came from the system, 0 for any other. */
static inline int holdfast_err_errno(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_SYS ? ERR_GET_REASON(code) : 0;
}

/* By the functions that OpenSSL calls old: SHA1() sets up the whole library, two megabytes of it, which a process
   without TLS never needs. */
static inline void holdfast_sha1(const void *bytes, size_t count, unsigned char *digest) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, bytes, count);
    SHA1_Final(digest, &context);
#pragma GCC diagnostic pop
}

/* A new key on the curve P-256; NULL where that fails. */
static inline EVP_PKEY *holdfast_new_key(void) {
    holdfast_ssl_begin();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    if (context == NULL) {
        return NULL;
    }
    if (EVP_PKEY_keygen_init(context) <= 0 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) <= 0 ||
        EVP_PKEY_keygen(context, &key) <= 0) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return key;
}
