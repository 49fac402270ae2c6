/* What the limits share. */

#ifndef HOLDFAST_CLIMIT_PARTS_H
#define HOLDFAST_CLIMIT_PARTS_H

#include <hiredis/hiredis.h>

/* Seconds, on the clock that is never set. */
double climit_now(void);

/* Loads a script into the server, and writes its digest of 40 characters. Returns 0 if that failed. */
int climit_load(redisContext *c, const char *source, char *digest);

#endif
