/* Start-up of a bare Cortex-M4 under QEMU; input and output go through semihosting. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top;
extern void initialise_monitor_handles(void);
extern int main(void);

void start(void);
/* exit() calls it; usually the compiler's start-up files, left out here, define it. */
void _fini(void);

void _fini(void) {}

__attribute__((section(".vectors"), used)) const struct {
    uint32_t *stack;
    void (*reset)(void);
} vectors = {&stack_top, start};

void start(void) {
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: switch the floating-point unit on */
    initialise_monitor_handles();
    exit(main());
}
