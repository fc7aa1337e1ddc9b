/*
 * A load generator over STARTTLS, compiled: Debian's smtp-source speaks no TLS, and a
 * client in JavaScript would take more of the machine than the server that is measured.
 *
 *   tls-load [-t] [-s SESSIONS] [-m MESSAGES] [-l BYTES] PORT
 *
 * Each message has a connection of its own to PORT of 127.0.0.1 and, with -t, a whole
 * handshake of TLS 1.3: no session is taken up again and no certificate is judged. One
 * command a round trip, as smtp-source does it. The message is BYTES octets of text in
 * lines, without a line that begins with a dot.
 *
 * Prints how many messages were acknowledged and what TLS came to; the status is 0 if all
 * were. It reads replies by their last line and nothing more: it is a load, not a client.
 *
 *   cc -O2 -pthread -o tls-load tls-load.c -lssl -lcrypto      (OpenSSL 3)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SESSIONS 1000
#define MAX_MESSAGES 10000000L
#define MAX_TEXT_BYTES (1L << 30)
/* A reply that is longer is none that a server gives to this load. */
#define MAX_REPLY_BYTES 4096
#define LINE_BYTES 74
#define END_OF_TEXT "\r\n.\r\n"

static const char HEADER[] =
    "From: <a@client.example>\r\nTo: <b@bench.example>\r\nSubject: load\r\n\r\n";

static SSL_CTX *tls; /* NULL: none is spoken. */
static struct sockaddr_in server;
static char *text;
static int text_bytes;
static long messages = 1000;
static atomic_long started, acknowledged;
static atomic_flag is_told = ATOMIC_FLAG_INIT;

struct peer {
    int fd;
    SSL *ssl; /* NULL before STARTTLS. */
};

static void die(const char *what) {
    perror(what);
    exit(2);
}

/* Bytes that came, at most `room`; 0 or less when there will be no more. */
static int take(struct peer *peer, char *into, int room) {
    return peer->ssl ? SSL_read(peer->ssl, into, room) : (int)recv(peer->fd, into, room, 0);
}

static bool give(struct peer *peer, const char *bytes, int count) {
    while (count > 0) {
        int given = peer->ssl ? SSL_write(peer->ssl, bytes, count)
                              : (int)send(peer->fd, bytes, count, MSG_NOSIGNAL);
        if (given <= 0) return false;
        bytes += given;
        count -= given;
    }
    return true;
}

/* Whether the next reply has this code: its last line has no "-" behind it. */
static bool answers(struct peer *peer, const char *code) {
    char reply[MAX_REPLY_BYTES + 1];
    int used = 0;
    while (used < MAX_REPLY_BYTES) {
        int count = take(peer, reply + used, MAX_REPLY_BYTES - used);
        if (count <= 0) return false;
        used += count;
        reply[used] = '\0';
        if (reply[used - 1] != '\n') continue;
        char *line = memrchr(reply, '\n', used - 1);
        line = line ? line + 1 : reply;
        if (strlen(line) > 3 && line[3] != '-') return strncmp(line, code, 3) == 0;
    }
    return false;
}

static bool ask(struct peer *peer, const char *command, const char *code) {
    return give(peer, command, (int)strlen(command)) && answers(peer, code);
}

static bool handshake(struct peer *peer) {
    if (!ask(peer, "STARTTLS\r\n", "220")) return false;
    SSL *ssl = SSL_new(tls);
    if (!ssl || !SSL_set_fd(ssl, peer->fd)) die("SSL_new");
    peer->ssl = ssl;
    if (SSL_connect(ssl) != 1) return false;
    if (!atomic_flag_test_and_set(&is_told)) {
        int signature = NID_undef;
        SSL_get_peer_signature_type_nid(ssl, &signature);
        printf("%s %s, %s, signed by %s\n", SSL_get_version(ssl), SSL_get_cipher(ssl),
               OBJ_nid2sn(SSL_get_negotiated_group(ssl)), OBJ_nid2sn(signature));
    }
    return true;
}

static bool open_peer(struct peer *peer) {
    int on = 1;
    peer->ssl = NULL;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) die("socket");
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(peer->fd, (struct sockaddr *)&server, sizeof server) == 0;
}

static void close_peer(struct peer *peer) {
    if (peer->ssl) SSL_shutdown(peer->ssl);
    SSL_free(peer->ssl);
    close(peer->fd);
}

static bool send_message(void) {
    struct peer peer;
    bool sent = open_peer(&peer) && answers(&peer, "220") &&
                ask(&peer, "EHLO client.example\r\n", "250") &&
                (!tls || (handshake(&peer) && ask(&peer, "EHLO client.example\r\n", "250"))) &&
                ask(&peer, "MAIL FROM:<a@client.example>\r\n", "250") &&
                ask(&peer, "RCPT TO:<b@bench.example>\r\n", "250") &&
                ask(&peer, "DATA\r\n", "354") && give(&peer, text, text_bytes) &&
                answers(&peer, "250");
    if (sent) ask(&peer, "QUIT\r\n", "221");
    close_peer(&peer);
    return sent;
}

static void *run_session(void *unused) {
    (void)unused;
    while (atomic_fetch_add(&started, 1) < messages)
        if (send_message()) atomic_fetch_add(&acknowledged, 1);
    return NULL;
}

static void write_text(long bytes) {
    text = malloc(sizeof HEADER + bytes + sizeof END_OF_TEXT);
    if (!text) die("malloc");
    char *at = stpcpy(text, HEADER);
    for (long done = 0; done < bytes; done++) {
        long column = done % LINE_BYTES;
        *at++ = column == LINE_BYTES - 2 ? '\r' : column == LINE_BYTES - 1 ? '\n' : 'x';
    }
    if (at[-1] == '\r') at[-1] = 'x'; /* No bare CR at the end. */
    at = stpcpy(at, END_OF_TEXT);
    text_bytes = (int)(at - text);
}

static long number(const char *word, long most) {
    char *end;
    long value = strtol(word, &end, 10);
    if (*end == '\0' && value >= 1 && value <= most) return value;
    fprintf(stderr, "tls-load: Cannot take %s: not a number from 1 to %ld\n", word, most);
    exit(2);
}

static SSL_CTX *tls_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION)) die("SSL_CTX_new");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

int main(int argc, char **argv) {
    long sessions = 50, bytes = 4096;
    int option;
    while ((option = getopt(argc, argv, "ts:m:l:")) != -1) {
        if (option == 't') tls = tls_context();
        else if (option == 's') sessions = number(optarg, MAX_SESSIONS);
        else if (option == 'm') messages = number(optarg, MAX_MESSAGES);
        else if (option == 'l') bytes = number(optarg, MAX_TEXT_BYTES);
        else return 2;
    }
    if (argc != optind + 1) {
        fputs("usage: tls-load [-t] [-s SESSIONS] [-m MESSAGES] [-l BYTES] PORT\n", stderr);
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)number(argv[optind], 65535));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);
    write_text(bytes);

    pthread_t threads[MAX_SESSIONS];
    for (long i = 0; i < sessions; i++)
        if (pthread_create(&threads[i], NULL, run_session, NULL) != 0) die("pthread_create");
    for (long i = 0; i < sessions; i++) pthread_join(threads[i], NULL);
    printf("%ld of %ld acknowledged\n", (long)acknowledged, messages);
    return acknowledged == messages ? 0 : 1;
}
