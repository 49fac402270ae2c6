#include "climit.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 100, CLAIM_KEYS = 15, SETTLE_KEYS = 11, CLAIM_HEAD = 5, CLAIM_WIDTH = 5, SETTLE_WIDTH = 5 };

struct call {
    int count;
    const char *argv[3 + CLAIM_KEYS + 9 + SETTLE_WIDTH * BATCH];
};

static void add(struct call *call, const char *argument) { call->argv[call->count++] = argument; }

static void begin(struct call *call, const char *digest, const char *keys, const char *const *names, int count) {
    call->count = 0;
    add(call, "EVALSHA");
    add(call, digest);
    add(call, keys);
    for (int i = 0; i < count; i++) add(call, names[i]);
}

/* The ids, entries and owners are texts without zero bytes. */
static void send(redisContext *c, struct call *call) { redisAppendCommandArgv(c, call->count, call->argv, NULL); }

static redisReply *receive(redisContext *c) {
    redisReply *reply = NULL;
    if (redisGetReply(c, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_ARRAY) return reply;
    fprintf(stderr, "climit: unexpected reply: %s\n", reply != NULL && reply->str ? reply->str : c->errstr);
    if (reply != NULL) freeReplyObject(reply);
    return NULL;
}

double climit_messages(
    const char *path, double seconds, const char *claim, const char *settle, const char *const *keys,
    const char *channel) {
    char claimDigest[41], settleDigest[41], token[49], owners[BATCH][96];
    struct call call;
    redisContext *c = redisConnectUnix(path);
    long committed = 0, tokens = 0;
    double start = climit_now(), end = start;
    redisReply *claimed = NULL;
    if (c == NULL || c->err || !climit_load(c, claim, claimDigest) || !climit_load(c, settle, settleDigest)) {
        fprintf(stderr, "climit: cannot load the scripts at %s\n", path);
        goto done;
    }
    while (1) {
        int count = claimed == NULL ? 0 : (int)(claimed->elements - CLAIM_HEAD) / CLAIM_WIDTH;
        if (count > 0) {
            begin(&call, settleDigest, "11", keys, SETTLE_KEYS);
            const char *head[] = {"604800000", "1", channel, "10000", "0"};
            for (int i = 0; i < 5; i++) add(&call, head[i]);
            for (int i = 0; i < count; i++) {
                redisReply **message = claimed->element + CLAIM_HEAD + CLAIM_WIDTH * i;
                snprintf(
                    owners[i], sizeof owners[i], "%lld:%lld:%s", message[3]->integer, claimed->element[1]->integer,
                    token);
                const char *values[] = {message[0]->str, message[1]->str, owners[i], "commit", "0"};
                for (int j = 0; j < SETTLE_WIDTH; j++) add(&call, values[j]);
            }
            send(c, &call);
        }
        int isLast = climit_now() - start >= seconds;
        if (claimed != NULL) freeReplyObject(claimed);
        claimed = NULL;
        if (!isLast) {
            snprintf(token, sizeof token, "%048lx", ++tokens);
            begin(&call, claimDigest, "15", keys, CLAIM_KEYS);
            const char *rest[] = {"holdfast", token, "30000", "100", "5", "0", "100", "10000", "604800000"};
            for (int i = 0; i < 9; i++) add(&call, rest[i]);
            send(c, &call);
        }
        if (count > 0) {
            redisReply *settled = receive(c);
            if (settled == NULL) goto failed;
            for (size_t i = 1; i < settled->elements; i++) committed += !strcmp(settled->element[i]->str, "committed");
            freeReplyObject(settled);
            end = climit_now();
        }
        if (isLast) break;
        claimed = receive(c);
        if (claimed == NULL) goto failed;
        if (claimed->elements <= CLAIM_HEAD) {
            fprintf(stderr, "climit: the queue ran empty\n");
            goto failed;
        }
    }
    goto done;
failed:
    committed = 0;
done:
    if (claimed != NULL) freeReplyObject(claimed);
    if (c != NULL) redisFree(c);
    return committed > 0 ? (double)committed / (end - start) : 0;
}
