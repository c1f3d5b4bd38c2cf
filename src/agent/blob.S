/* SPDX-License-Identifier: Apache-2.0 */
/* The static init program as bytes of ours; AGENT_INIT_FILE is where the build put it. */
	.section .rodata
	.balign 16
	.global agent_init_image
	.type agent_init_image, %object
agent_init_image:
	.incbin AGENT_INIT_FILE
agent_init_image_end:
	.size agent_init_image, agent_init_image_end - agent_init_image

	.balign 8
	.global agent_init_image_len
	.type agent_init_image_len, %object
agent_init_image_len:
	.quad agent_init_image_end - agent_init_image
	.size agent_init_image_len, 8

	.section .note.GNU-stack, "", %progbits
