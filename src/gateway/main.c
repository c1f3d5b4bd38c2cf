// SPDX-License-Identifier: Apache-2.0
/* immure-gateway: started by the warden with the descriptors of enum gateway_fd, never by hand. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/gateway.h"

int main(int argc, char **argv)
{
	(void)argv;
	if (argc != 1 || fcntl(GATEWAY_FD_WARDEN, F_GETFD) < 0 ||
	    fcntl(GATEWAY_FD_TCP, F_GETFD) < 0 || fcntl(GATEWAY_FD_DNS, F_GETFD) < 0) {
		fprintf(stderr, "immure-gateway: immure starts this for a sandbox whose programs "
				"use the network; by itself it does nothing\n");
		return 2;
	}
	/* not exit(): what libraries want to do at the end they can do no more behind the wall */
	_exit(gateway_main());
}
