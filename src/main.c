/* main.c - see cli/cli.c. */
#include "cli/command.h"

int main(int argc, char **argv) {
    return fb_cli_main(argc, argv);
}
