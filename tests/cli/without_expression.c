/* Stands for a kernel without some expressions, which is one without their modules: LD_PRELOAD-ed, it gives those
 * named in WITHOUT a name that no kernel knows, so that the real one refuses them as it would. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* NFTA_EXPR_NAME, 1 (nf_tables.h): a length of 2 bytes, the type, and the name with its NUL. */
static void hide(char *bytes, size_t length, const char *name) {
    char wanted[64] = {0};
    size_t size = 4 + strlen(name) + 1;
    if (size > sizeof wanted)
        return;
    wanted[0] = (char)size;
    wanted[2] = 1;
    strcpy(wanted + 4, name);
    for (char *at; (at = memmem(bytes, length, wanted, size)) != NULL;)
        memset(at + 4, 'z', strlen(name));
}

ssize_t send(int socket, const void *bytes, size_t length, int flags) {
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    const char *without = getenv("WITHOUT");
    char *copy = malloc(length), *names = strdup(without ? without : ""), *rest = names;
    if (copy == NULL || names == NULL)
        abort();
    memcpy(copy, bytes, length);
    for (char *name; (name = strsep(&rest, " ")) != NULL;)
        if (*name)
            hide(copy, length, name);
    ssize_t sent = real(socket, copy, length, flags);
    free(copy);
    free(names);
    return sent;
}
