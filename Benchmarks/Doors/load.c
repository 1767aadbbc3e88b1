/* Load on a TLS or plain HTTP/1.1 server from many devices, each with a certificate of its own (bench.py builds and runs it).
 *
 *   load MODE HOST PORT PID SECONDS WORKERS DEVICES FOLDER SUFFIX REQUEST...
 *
 * MODE    full     a new connection and a full handshake for each request
 *         once     the same, each device once, however long it takes
 *         resumed  a new connection that resumes the device's session
 *         keep     connections that are kept, one for each worker, a request under way on each
 *         idle     WORKERS connections that say nothing after their first request, for SECONDS
 *         plain, plainkeep  the same without TLS
 * PID     the server: its CPU time is read before and after (0: not read)
 * REQUEST the path of a file with the bytes of a request; "%d" in it stands for the device's number
 *
 * Device n uses FOLDER/devices/nSUFFIX (key and certificate, PEM). Prints one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct { X509 *certificate; EVP_PKEY *key; char *request; size_t length; SSL_SESSION *session; } Device;
typedef struct { SSL *ssl; int fd; } Connection;

static const char *mode, *host;
static int port, workers, count, is_plain, is_keep, is_resumed;
static Device *devices;
static SSL_CTX *context;
static double end_at;
static atomic_long done, failed, resumed;
static atomic_int next_device;
static int session_index;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(long pid) {
    char path[64], line[1024], *at;
    unsigned long user = 0, system = 0;
    if (pid <= 0) return 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fgets(line, sizeof line, file) && (at = strrchr(line, ')')))
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    fclose(file);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static char *slurp(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "%s cannot be read\n", path); exit(1); }
    char *bytes = malloc(1 << 20);
    *length = fread(bytes, 1, (1 << 20) - 1, file);
    bytes[*length] = 0;
    fclose(file);
    return bytes;
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    Device *device = SSL_get_ex_data(ssl, session_index);
    if (!device || !is_resumed) return 0;
    /* The newest: a ticket is good for one connection (RFC 8446 appendix C.4), and OpenSSL keeps to that. */
    if (device->session) SSL_SESSION_free(device->session);
    device->session = session;
    return 1;
}

static int open_connection(Connection *c, Device *device) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    inet_pton(AF_INET, host, &to.sin_addr);
    c->ssl = NULL;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) return -1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) { close(c->fd); return -1; }
    if (is_plain) return 0;
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_ex_data(c->ssl, session_index, device);
    SSL_use_certificate(c->ssl, device->certificate);
    SSL_use_PrivateKey(c->ssl, device->key);
    if (is_resumed && device->session) SSL_set_session(c->ssl, device->session);
    if (SSL_connect(c->ssl) != 1) return -1;
    if (SSL_session_reused(c->ssl)) resumed++;
    return 0;
}

static void close_connection(Connection *c) {
    if (c->ssl) { SSL_shutdown(c->ssl); SSL_free(c->ssl); }
    if (c->fd >= 0) close(c->fd);
}

static int put(Connection *c, Device *d) {
    if (c->ssl) return SSL_write(c->ssl, d->request, d->length) == (int)d->length ? 0 : -1;
    return write(c->fd, d->request, d->length) == (ssize_t)d->length ? 0 : -1;
}

/* One answer by its Content-Length; 0 if it is a 200. */
static int take(Connection *c, char *first) {
    char buffer[32768];
    size_t have = 0;
    for (;;) {
        int n = c->ssl ? SSL_read(c->ssl, buffer + have, sizeof buffer - 1 - have)
                       : (int)read(c->fd, buffer + have, sizeof buffer - 1 - have);
        if (n <= 0) return -1;
        have += n;
        buffer[have] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (!end) continue;
        char *length = strcasestr(buffer, "\r\ncontent-length:");
        size_t whole = (end - buffer) + 4 + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
        if (have < whole) { if (whole >= sizeof buffer) return -1; continue; }
        if (first) { memcpy(first, buffer, whole < 1023 ? whole : 1023); first[whole < 1023 ? whole : 1023] = 0; }
        return strncmp(buffer, "HTTP/1.1 200", 12) ? -1 : 0;
    }
}

static char sample[1024];
static atomic_int has_sample, has_error;

static void one(Connection *c, Device *d) {
    char *want = NULL, local[1024];
    local[0] = 0;
    if (!atomic_exchange(&has_sample, 1)) want = sample;
    if (put(c, d) || take(c, want ? want : local)) {
        failed++;
        if (!atomic_exchange(&has_error, 1)) fprintf(stderr, "failed: %s\n", want ? want : local);
    } else done++;
}

static void *work(void *argument) {
    (void)argument;
    int perworker = is_keep ? 16 : 1;
    if (!is_keep) {
        while (now() < end_at || !strcmp(mode, "once")) {
            int number = atomic_fetch_add(&next_device, 1);
            if (!strcmp(mode, "once") && number >= count) break;
            Device *d = &devices[number % count];
            Connection c = {NULL, -1};
            if (open_connection(&c, d)) { failed++; if (!atomic_exchange(&has_error, 1)) ERR_print_errors_fp(stderr); }
            else one(&c, d);
            close_connection(&c);
        }
        return NULL;
    }
    Connection connections[64];
    Device *mine[64];
    for (int i = 0; i < perworker; i++) {
        mine[i] = &devices[atomic_fetch_add(&next_device, 1) % count];
        if (open_connection(&connections[i], mine[i])) { fprintf(stderr, "cannot connect\n"); exit(1); }
    }
    while (now() < end_at) {
        for (int i = 0; i < perworker; i++) if (put(&connections[i], mine[i])) failed++;
        for (int i = 0; i < perworker; i++) if (take(&connections[i], NULL)) failed++; else done++;
    }
    for (int i = 0; i < perworker; i++) close_connection(&connections[i]);
    return NULL;
}

static void idle(double seconds) {
    Connection *connections = calloc(workers, sizeof *connections);
    for (int i = 0; i < workers; i++) {
        if (open_connection(&connections[i], &devices[i % count])) { fprintf(stderr, "cannot connect\n"); exit(1); }
        one(&connections[i], &devices[i % count]);
    }
    printf("{\"open\":%d}\n", workers);
    fflush(stdout);
    sleep(seconds);
}

int main(int argc, char **argv) {
    if (argc < 11) { fprintf(stderr, "see the head of load.c\n"); return 2; }
    mode = argv[1], host = argv[2], port = atoi(argv[3]);
    long pid = atol(argv[4]);
    double seconds = atof(argv[5]);
    workers = atoi(argv[6]), count = atoi(argv[7]);
    is_plain = !strncmp(mode, "plain", 5);
    is_keep = strstr(mode, "keep") != NULL;
    is_resumed = !strcmp(mode, "resumed");
    devices = calloc(count, sizeof *devices);
    session_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context, "X25519");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    for (int n = 0; n < count; n++) {
        char path[4096];
        if (!is_plain) {
            snprintf(path, sizeof path, "%s/devices/%d%s", argv[8], n, argv[9]);
            FILE *file = fopen(path, "r");
            if (!file) { fprintf(stderr, "%s cannot be read\n", path); return 1; }
            devices[n].key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
            devices[n].certificate = PEM_read_X509(file, NULL, NULL, NULL);
            fclose(file);
        }
        snprintf(path, sizeof path, argv[10], n);
        devices[n].request = slurp(path, &devices[n].length);
    }
    if (!strcmp(mode, "idle")) { idle(seconds); return 0; }
    if (is_resumed)
        for (int n = 0; n < count; n++) {
            Connection c;
            if (open_connection(&c, &devices[n])) { fprintf(stderr, "cannot connect\n"); return 1; }
            one(&c, &devices[n]);
            close_connection(&c);
        }
    done = failed = resumed = 0;
    pthread_t threads[256];
    double began = now(), cpu_began = cpu(pid);
    end_at = began + seconds;
    for (int i = 0; i < workers; i++) pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < workers; i++) pthread_join(threads[i], NULL);
    double wall = now() - began, used = cpu(pid) - cpu_began;
    long ok = done;
    printf("{\"requests\":%ld,\"failed\":%ld,\"resumed\":%ld,\"seconds\":%.3f,\"cpu\":%.3f,\"us\":%.2f}\n", ok,
           (long)failed, (long)resumed, wall, used, ok ? used * 1e6 / ok : 0);
    if (is_resumed && resumed < ok * 99 / 100) {
        fprintf(stderr, "only %ld of %ld connections resumed\n", (long)resumed, ok);
        return 1;
    }
    return failed > ok / 1000 + 0 && failed > 0;
}
