#include "climit.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static long long nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The number in a script's reply, its own or that of its first element; negative after printing what failed. */
static long long answer(redisReply *reply, redisContext *c) {
    const redisReply *number = reply != NULL && reply->type == REDIS_REPLY_ARRAY ? reply->element[0] : reply;
    long long value = number != NULL && number->type == REDIS_REPLY_INTEGER ? number->integer : -1;
    if (value < 0) fprintf(stderr, "climit: unexpected reply: %s\n", reply && reply->str ? reply->str : c->errstr);
    if (reply != NULL) freeReplyObject(reply);
    return value;
}

/* Waits until a message begins with `token`. */
static int hear(redisContext *messages, const char *token) {
    for (int heard = 0; !heard;) {
        redisReply *reply = NULL;
        if (redisGetReply(messages, (void **)&reply) != REDIS_OK) return 0;
        heard = reply->elements == 3 && reply->element[2]->str != NULL
            && strncmp(reply->element[2]->str, token, strlen(token)) == 0;
        freeReplyObject(reply);
    }
    return 1;
}

int climit_pings(const char *path, int count, double *took) {
    redisContext *c = redisConnectUnix(path);
    int sent = 0;
    for (; c != NULL && !c->err && sent < count; sent++) {
        long long asked = nanoseconds();
        redisReply *pong = redisCommand(c, "PING");
        if (pong == NULL) break;
        freeReplyObject(pong);
        took[sent] = (double)(nanoseconds() - asked) / 1000;
    }
    if (sent < count) fprintf(stderr, "climit: no PING at %s\n", path);
    if (c != NULL) redisFree(c);
    return sent == count;
}

int climit_handoffs(
    const char *path, long long end, const char *instance, const char *acquire, const char *release, long hold) {
    char acquireDigest[41], releaseDigest[41], token[64];
    redisContext *c = redisConnectUnix(path), *messages = redisConnectUnix(path);
    int ok = 0;
    if (c == NULL || c->err || messages == NULL || messages->err || !climit_load(c, acquire, acquireDigest)
        || !climit_load(c, release, releaseDigest)) {
        fprintf(stderr, "climit: cannot load the scripts at %s\n", path);
        goto done;
    }
    redisReply *subscribed = redisCommand(messages, "SUBSCRIBE bench:wake:%s", instance);
    if (subscribed == NULL) goto done;
    freeReplyObject(subscribed);
    for (unsigned number = 0; nanoseconds() < end; number++) {
        snprintf(token, sizeof token, "%s:%032x", instance, number);
        for (;;) {
            long long granted = answer(
                redisCommand(
                    c, "EVALSHA %s 3 bench:{c}:lock bench:{c}:fence bench:{c}:waiters %s 30000 604800000 wait 3000 "
                       "bench:wake:", acquireDigest, token), c);
            if (granted < 0) goto done;
            if (granted & 1) break;
            if (!hear(messages, token)) goto done;
        }
        long long running = nanoseconds();
        nanosleep(&(struct timespec){.tv_nsec = hold * 1000}, NULL);
        long long released = nanoseconds();
        if (answer(redisCommand(
                c, "EVALSHA %s 3 bench:{c}:lock bench:{c}:fence bench:{c}:waiters %s 3000 bench:wake: 604800000",
                releaseDigest, token), c) < 0) goto done;
        printf("%lld %lld\n", running, released);
    }
    ok = fflush(stdout) == 0;
done:
    if (c != NULL) redisFree(c);
    if (messages != NULL) redisFree(messages);
    return ok;
}
