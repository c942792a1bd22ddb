/*
 * Hides VNNI, AVX-VNNI and AMX (and AVX-512, on request) from everything that this process loads afterwards.
 *
 * Linux can make CPUID fault (arch_prctl(2), ARCH_SET_CPUID). The handler runs the instruction itself, clears the bits and
 * goes on behind it. The CPU still has the instructions; libraries that ask first do not use them. Bits are those of
 * Intel's Software Developer's Manual, volume 2A, CPUID, leaf 7.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (1u << (n))

static int without_avx512;
static struct sigaction previous;

static long allow_cpuid(unsigned long allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void hide(uint32_t leaf, uint32_t subleaf, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    if (leaf != 7) return;
    if (subleaf == 0) {
        *c &= ~BIT(11);                                 /* avx512_vnni */
        *d &= ~(BIT(22) | BIT(23) | BIT(24) | BIT(25)); /* amx_bf16, avx512_fp16, amx_tile, amx_int8 */
        if (without_avx512) {
            *b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
            *c &= ~(BIT(1) | BIT(6) | BIT(12) | BIT(14));
            *d &= ~(BIT(2) | BIT(3) | BIT(8));
        }
    }
    if (subleaf == 1) {
        *a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));   /* avx_vnni, avx512_bf16, amx_fp16, avx_ifma */
        *d &= ~(BIT(4) | BIT(5) | BIT(10) | BIT(19));   /* avx_vnni_int8, avx_ne_convert, avx_vnni_int16, avx10 */
    }
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)registers[REG_RIP];
    (void)signal, (void)info;
    if (code[0] != 0x0f || code[1] != 0xa2) { /* a real fault: let it happen again, to whom it was meant for */
        sigaction(SIGSEGV, &previous, 0);
        return;
    }
    uint32_t leaf = registers[REG_RAX], subleaf = registers[REG_RCX], a, b, c, d;
    allow_cpuid(1);
    __cpuid_count(leaf, subleaf, a, b, c, d);
    allow_cpuid(0);
    hide(leaf, subleaf, &a, &b, &c, &d);
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

/* 0, or -1 where the kernel or the CPU cannot make CPUID fault; of this thread and those it starts. */
int older_cpu(int hide_avx512) {
    struct sigaction action = {0};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    without_avx512 = hide_avx512;
    if (sigaction(SIGSEGV, &action, &previous)) return -1;
    return (int)allow_cpuid(0);
}
