/* A PKCS#11 module in front of another: C_Sign waits while the file $HOLD_FILE exists. Everything else is passed on. */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <unistd.h>

static CK_FUNCTION_LIST list;
static CK_FUNCTION_LIST *real;

static CK_RV held_sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG count, CK_BYTE_PTR signature,
                       CK_ULONG_PTR length)
{
    const char *hold = getenv("HOLD_FILE");
    while (hold && access(hold, F_OK) == 0) usleep(2000);
    return real->C_Sign(session, data, count, signature, length);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
    if (!real) {
        void *library = dlopen(getenv("HELD_MODULE"), RTLD_NOW | RTLD_LOCAL);
        CK_RV (*get)(CK_FUNCTION_LIST_PTR_PTR) = library ? dlsym(library, "C_GetFunctionList") : 0;
        if (!get || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
        list = *real;
        list.C_Sign = held_sign;
    }
    *out = &list;
    return CKR_OK;
}
