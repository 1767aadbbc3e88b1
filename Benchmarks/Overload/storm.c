/* Many devices at once on the device plane, from one process: what a crowd does to the server (overload.py builds and runs it).
 *
 *   storm MODE PORT SECONDS DEVICES AT_ONCE FOLDER REQUEST
 *
 * MODE  storm     every device connects in the same moment, checks in once, and comes back with full jitter, after Retry-After,
 *                 until it was served; AT_ONCE is not used
 *       flood     AT_ONCE connections at every moment, a new one and a full handshake for each request, whoever is refused or
 *                 not: nobody waits
 *       half      AT_ONCE connections that stop after TCP, in the hello, after the handshake, in the head or in the body;
 *                 each that is closed is opened again
 *       slow      AT_ONCE connections that ask and never read
 *
 * Device n uses FOLDER/devices/n.pem (key and certificate, PEM); of REQUEST, the path of a file, every byte is sent.
 * Prints one line of JSON. One thread, epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IDLE, CONNECTING, SHAKING, SENDING, ANSWER, HELD, SERVED };
typedef struct {
    int state, fd, failures, sent;
    unsigned long ok, refused;
    double due, began;
    SSL *ssl;
    X509 *certificate;
    EVP_PKEY *key;
    char answer[2048];
    int length;
} Device;

static const char *mode;
static int port, count, at_once, poller, under_way, served;
static Device *devices;
static SSL_CTX *context;
static char *request;
static size_t request_length;
static unsigned long ok, busy, unfair, other, bare, broken, closed, opened;
static double longest;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double chance(void) { return drand48(); }

static void drop(Device *d) {
    if (d->ssl) SSL_free(d->ssl);
    d->ssl = NULL;
    if (d->fd >= 0) close(d->fd);
    d->fd = -1;
    under_way--;
}

/* After a failure or a refusal: as lifelong-agent does it (Sources/Doors/Agent/Life/Patience.swift). */
static void again(Device *d, int asked) {
    drop(d);
    if (!strcmp(mode, "flood")) { d->state = IDLE; d->due = 0; return; }
    double bound = d->failures > 9 ? 600 : 1 << d->failures;
    if (asked > bound) bound = asked;
    d->failures++;
    d->state = IDLE;
    d->due = now() + asked + bound * chance();
}

static void begin(Device *d) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    under_way++, opened++;
    d->state = CONNECTING, d->length = 0, d->sent = 0;
    d->began = now();
    if (d->fd < 0) { broken++; again(d, 0); return; }
    int one = 1;
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!strcmp(mode, "slow")) { int small = 4096; setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small); }
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = d };
    if ((connect(d->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
        || epoll_ctl(poller, EPOLL_CTL_ADD, d->fd, &event)) { broken++; again(d, 0); }
}

static void judge(Device *d) {
    int status = atoi(d->answer + 9), asked = -1;
    char *field = strcasestr(d->answer, "\r\nRetry-After:");
    if (field) asked = atoi(field + 14);
    double took = now() - d->began;
    if (status == 200) {
        ok++, d->ok++;
        if (took > longest) longest = took;
        if (!strcmp(mode, "storm")) { drop(d); d->state = SERVED; served++; return; }
        again(d, 0);
        return;
    }
    d->refused++;
    if (status == 503) busy++; else if (status == 429) unfair++; else other++;
    if ((status == 503 || status == 429) && asked < 1) bare++;
    again(d, asked < 0 ? 0 : asked);
}

/* Where a connection that means no good stops. */
static int stops(Device *d, int at) { return !strcmp(mode, "half") && (d - devices) % 5 == at; }

static void step(Device *d) {
    int code = 0, error = 0;
    socklen_t size = sizeof error;
    char scrap[4096];
    if (d->state == CONNECTING) {
        if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) { broken++; again(d, 0); return; }
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        if (getpeername(d->fd, (struct sockaddr *)&peer, &length)) return;
        if (stops(d, 0)) { d->state = HELD; return; }
        if (stops(d, 1)) { if (write(d->fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9) < 0) broken++; d->state = HELD; return; }
        d->ssl = SSL_new(context);
        SSL_set_fd(d->ssl, d->fd);
        SSL_use_certificate(d->ssl, d->certificate);
        SSL_use_PrivateKey(d->ssl, d->key);
        SSL_set_connect_state(d->ssl);
        d->state = SHAKING;
    }
    if (d->state == HELD) {
        ssize_t n = strcmp(mode, "slow") ? recv(d->fd, scrap, sizeof scrap, 0) : 1;
        if (n == 0 || (n < 0 && errno != EAGAIN)) { closed++; again(d, 0); }
        return;
    }
    ERR_clear_error();
    if (d->state == SHAKING) {
        code = SSL_do_handshake(d->ssl);
        if (code != 1) goto wait;
        if (stops(d, 2)) { d->state = HELD; return; }
        d->state = SENDING;
    }
    if (d->state == SENDING) {
        int length = stops(d, 3) ? 20 : stops(d, 4) ? (int)request_length - 20 : (int)request_length;
        code = SSL_write(d->ssl, request, length);
        /* Whoever never reads asks until nothing goes through any more. */
        for (int n = 0; code > 0 && n < 2000 && !strcmp(mode, "slow"); n++) code = SSL_write(d->ssl, request, length);
        if (code <= 0 && !strcmp(mode, "slow") && SSL_get_error(d->ssl, code) == SSL_ERROR_WANT_WRITE) code = 1;
        if (code <= 0) goto wait;
        d->state = stops(d, 3) || stops(d, 4) || !strcmp(mode, "slow") ? HELD : ANSWER;
    }
    while (d->state == ANSWER) {
        code = SSL_read(d->ssl, d->answer + d->length, sizeof d->answer - 1 - d->length);
        if (code <= 0) break;
        d->length += code;
        d->answer[d->length] = 0;
        if (strstr(d->answer, "\r\n\r\n")) { judge(d); return; }
        if (d->length == sizeof d->answer - 1) { broken++; again(d, 0); return; }
    }
    if (d->state == HELD) return;
wait:
    switch (SSL_get_error(d->ssl, code)) {
    case SSL_ERROR_WANT_READ: case SSL_ERROR_WANT_WRITE: return;
    default: broken++; again(d, 0);
    }
}

static char *slurp(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "%s cannot be read\n", path); exit(1); }
    char *bytes = calloc(1, 1 << 16);
    *length = fread(bytes, 1, (1 << 16) - 1, file);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc < 8) { fprintf(stderr, "see the head of storm.c\n"); return 2; }
    /* A server that closes first is an answer too. */
    signal(SIGPIPE, SIG_IGN);
    mode = argv[1], port = atoi(argv[2]);
    double seconds = atof(argv[3]), start = now(), end, all = 0;
    count = atoi(argv[4]), at_once = atoi(argv[5]);
    request = slurp(argv[7], &request_length);
    srand48(getpid());
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set1_groups_list(context, "X25519");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    poller = epoll_create1(EPOLL_CLOEXEC);
    devices = calloc(count, sizeof *devices);
    for (int n = 0; n < count; n++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/devices/%d.pem", argv[6], n);
        FILE *file = fopen(path, "r");
        if (!file) { fprintf(stderr, "%s cannot be read\n", path); return 1; }
        devices[n].key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        devices[n].certificate = PEM_read_X509(file, NULL, NULL, NULL);
        devices[n].fd = -1;
        fclose(file);
    }
    start = now(), end = start + seconds;
    int isStorm = !strcmp(mode, "storm"), next = 0;
    while (now() < end && !(isStorm && served == count)) {
        double t = now();
        for (int looked = 0; looked < count; looked++) {
            if (!isStorm && under_way >= at_once) break;
            Device *d = &devices[next];
            next = (next + 1) % count;
            if (d->state == IDLE && d->due <= t) begin(d);
        }
        struct epoll_event events[1024];
        int n = epoll_wait(poller, events, 1024, 20);
        for (int i = 0; i < n; i++) {
            Device *d = events[i].data.ptr;
            if (d->fd >= 0 && d->state != IDLE && d->state != SERVED) step(d);
        }
        /* A peer that never answers: as the agent, given up after 30 seconds. */
        for (int n = 0; n < count; n++)
            if (devices[n].fd >= 0 && devices[n].state != HELD && t - devices[n].began > 30) { broken++; again(&devices[n], 0); }
    }
    all = now() - start;
    unsigned long least = ~0ul, most = 0;
    for (int n = 0; n < count; n++) {
        if (devices[n].ok < least) least = devices[n].ok;
        if (devices[n].ok > most) most = devices[n].ok;
    }
    printf("{\"seconds\": %.2f, \"ok\": %lu, \"busy\": %lu, \"unfair\": %lu, \"other\": %lu, \"withoutRetryAfter\": %lu, \"broken\": %lu, "
           "\"closed\": %lu, \"opened\": %lu, \"served\": %d, \"longest\": %.2f, \"least\": %lu, \"most\": %lu}\n",
           all, ok, busy, unfair, other, bare, broken, closed, opened, served, longest, least, most);
    return 0;
}
