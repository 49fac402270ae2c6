#include "climit.h"
#include "parts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct slot {
    char lock[64];
    char fence[64];
    char waiters[64];
    char token[64];
    int holding;
};

double climit_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int climit_load(redisContext *c, const char *source, char *digest) {
    redisReply *reply = redisCommand(c, "SCRIPT LOAD %s", source);
    int ok = reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == 40;
    if (ok) memcpy(digest, reply->str, 41);
    if (reply != NULL) freeReplyObject(reply);
    return ok;
}

static void append(redisContext *c, struct slot *s, const char *acquire, const char *release) {
    if (s->holding) {
        const char *argv[] = {"EVALSHA", release,  "3",    s->lock,       s->fence,   s->waiters,
                              s->token,  "3000",   "bench:wake:", "604800000"};
        redisAppendCommandArgv(c, 10, argv, NULL);
    } else if (acquire[0] != 0) {
        const char *argv[] = {"EVALSHA", acquire,     "3",   s->lock, s->fence,     s->waiters, s->token,
                              "30000",   "604800000", "try", "3000",  "bench:wake:"};
        redisAppendCommandArgv(c, 12, argv, NULL);
    } else {
        const char *argv[] = {"SET", s->lock, s->token, "NX", "PX", "30000"};
        redisAppendCommandArgv(c, 6, argv, NULL);
    }
}

static int granted(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_ARRAY) {
        return reply->elements == 2 && (reply->element[0]->integer & 1);
    }
    return reply->type == REDIS_REPLY_STATUS || (reply->type == REDIS_REPLY_INTEGER && (reply->integer & 1));
}

double climit_lock_cycles(const char *path, int depth, long cycles, const char *acquire, const char *release) {
    char acquireDigest[41] = "";
    char releaseDigest[41] = "";
    double seconds = -1;
    redisContext *c = redisConnectUnix(path);
    struct slot *slots = calloc((size_t)depth, sizeof(struct slot));
    if (c == NULL || c->err || slots == NULL) {
        fprintf(stderr, "climit: cannot connect to %s\n", path);
        goto end;
    }
    if ((acquire != NULL && !climit_load(c, acquire, acquireDigest)) || !climit_load(c, release, releaseDigest)) {
        fprintf(stderr, "climit: cannot load the scripts: %s\n", c->errstr);
        goto end;
    }
    for (int i = 0; i < depth; i++) {
        snprintf(slots[i].lock, sizeof slots[i].lock, "bench:{c-%d}:lock", i);
        snprintf(slots[i].fence, sizeof slots[i].fence, "bench:{c-%d}:fence", i);
        snprintf(slots[i].waiters, sizeof slots[i].waiters, "bench:{c-%d}:waiters", i);
        snprintf(slots[i].token, sizeof slots[i].token, "0123456789abcdef:0123456789abcdef0123456789%06x", i);
    }

    double start = climit_now();
    long begun = 0, done = 0;
    /* Replies come in the order of the commands, and each is followed by its slot's next command: so the slots take
       turns, until the cycles run out and the last ones drain. */
    int *order = malloc(sizeof(int) * (size_t)depth);
    int head = 0, waiting = 0;
    for (int i = 0; i < depth && begun < cycles; i++, begun++) {
        append(c, &slots[i], acquireDigest, releaseDigest);
        order[waiting++] = i;
    }
    while (done < cycles) {
        redisReply *reply = NULL;
        if (redisGetReply(c, (void **)&reply) != REDIS_OK || !granted(reply)) {
            fprintf(stderr, "climit: unexpected reply: %s\n", reply != NULL && reply->str ? reply->str : c->errstr);
            if (reply != NULL) freeReplyObject(reply);
            free(order);
            goto end;
        }
        freeReplyObject(reply);
        int index = order[head];
        struct slot *s = &slots[index];
        if (s->holding) done++;
        s->holding = !s->holding;
        if (s->holding || begun < cycles) {
            if (!s->holding) begun++;
            append(c, s, acquireDigest, releaseDigest);
            order[(head + waiting) % depth] = index;
        } else {
            waiting--;
        }
        head = (head + 1) % depth;
    }
    seconds = climit_now() - start;
    free(order);
end:
    free(slots);
    if (c != NULL) redisFree(c);
    return seconds;
}
