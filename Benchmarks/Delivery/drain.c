/* drain HOST PORT PID SECONDS CONNECTIONS DEVICES FOLDER REQUEST: many devices that download over mutual TLS at once, on one thread.
 * Connection n is device n % DEVICES, whose key and certificate are in FOLDER/devices/N.pem; each asks for REQUEST (a file with the bytes)
 * again and again. Prints bytes, seconds, the CPU time of PID for a MiB, and the most anonymous memory that PID had. Ends by itself. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef struct { EVP_PKEY *key; X509 *certificate; } Device;
typedef struct { int fd; SSL *ssl; size_t left; size_t have; char head[4096]; } Connection;

static char *request;
static size_t request_length;
static unsigned long long taken, answers;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* User and system time of a process, in seconds. */
static double cpu(long pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    char *after = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    if (after) sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / sysconf(_SC_CLK_TCK);
}

/* RssAnon in bytes. */
static long anonymous(long pid) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1) break;
    fclose(file);
    return kib * 1024;
}

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void ask(Connection *c) {
    c->have = c->left = 0;
    /* A request fits the socket's buffer. */
    if (SSL_write(c->ssl, request, request_length) != (int)request_length) fail("the request was not taken");
}

/* Bytes of an answer: the head first, then the body. */
static void take(Connection *c, const char *bytes, size_t count) {
    while (count > 0) {
        if (c->left > 0) {
            size_t part = count < c->left ? count : c->left;
            c->left -= part, bytes += part, count -= part, taken += part;
            if (c->left == 0) { answers++; ask(c); }
            continue;
        }
        if (c->have + 1 >= sizeof c->head) fail("a head without an end");
        c->head[c->have++] = *bytes++, count--;
        c->head[c->have] = 0;
        if (c->have < 4 || memcmp(c->head + c->have - 4, "\r\n\r\n", 4)) continue;
        char *length = strcasestr(c->head, "\r\ncontent-length:");
        if (strncmp(c->head, "HTTP/1.1 20", 11) || !length) { fprintf(stderr, "%s", c->head); exit(1); }
        c->left = strtoul(length + 17, NULL, 10);
    }
}

static void drain(Connection *c) {
    static char buffer[65536];
    for (int i = 0; i < 8; i++) {
        int n = SSL_read(c->ssl, buffer, sizeof buffer);
        if (n <= 0) {
            if (SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) return;
            fail("a connection ended");
        }
        take(c, buffer, n);
    }
}

int main(int argc, char **argv) {
    if (argc != 9) { fprintf(stderr, "see the head of drain.c\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    long pid = atol(argv[3]);
    double seconds = atof(argv[4]);
    int count = atoi(argv[5]), device_count = atoi(argv[6]);
    FILE *file = fopen(argv[8], "r");
    if (!file) fail(argv[8]);
    request = malloc(65536);
    request_length = fread(request, 1, 65536, file);
    fclose(file);
    Device *devices = calloc(device_count, sizeof *devices);
    for (int n = 0; n < device_count; n++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/devices/%d.pem", argv[7], n);
        if (!(file = fopen(path, "r"))) fail(path);
        devices[n].key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        devices[n].certificate = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
    }
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context, "X25519");
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    Connection *connections = calloc(count, sizeof *connections);
    int poll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        Connection *c = &connections[i];
        Device *device = &devices[i % device_count];
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
        inet_pton(AF_INET, argv[1], &to.sin_addr);
        if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) fail("socket");
        /* A device's, and no more: else what is measured is how fast the kernel takes in gigabytes that nobody has read yet. */
        int room = 128 << 10;
        if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room)) fail("receive buffer");
        if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
        c->ssl = SSL_new(context);
        SSL_set_fd(c->ssl, c->fd);
        SSL_use_certificate(c->ssl, device->certificate);
        SSL_use_PrivateKey(c->ssl, device->key);
        if (SSL_connect(c->ssl) != 1) fail("handshake");
    }
    /* All are there before anybody asks. */
    for (int i = 0; i < count; i++) {
        Connection *c = &connections[i];
        ask(c);
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll");
    }
    double warm = now() + seconds / 4, began = 0, cpu_began = 0, sampled = 0;
    long most = 0;
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, 1000);
        if (n == 0 && now() > warm + seconds + 10) fail("the server went silent");
        for (int i = 0; i < n; i++) drain(events[i].data.ptr);
        double at = now();
        if (!began && at > warm) { began = at, cpu_began = cpu(pid), taken = answers = 0; }
        if (at > sampled + 0.2) {
            long memory = anonymous(pid);
            if (memory > most) most = memory;
            sampled = at;
        }
        if (began && at > began + seconds) break;
    }
    double wall = now() - began, used = cpu(pid) - cpu_began;
    printf("{\"bytes\":%llu,\"answers\":%llu,\"seconds\":%.3f,\"cpu\":%.3f,\"us_per_mib\":%.2f,\"memory\":%ld}\n", taken, answers, wall,
           used, taken ? used * 1e6 / (taken / 1048576.0) : 0, most);
    return 0;
}
