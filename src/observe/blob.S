/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF object as bytes of ours; OBSERVE_OBJECT_FILE is where the build put it. */
	.section .rodata
	.balign 16
	.global observe_object
	.type observe_object, %object
observe_object:
	.incbin OBSERVE_OBJECT_FILE
observe_object_end:
	.size observe_object, observe_object_end - observe_object

	.balign 8
	.global observe_object_len
	.type observe_object_len, %object
observe_object_len:
	.quad observe_object_end - observe_object
	.size observe_object_len, 8

	.section .note.GNU-stack, "", %progbits
