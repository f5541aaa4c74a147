/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/wire.h"

#include <errno.h>

int wire_varint(struct wire *w, uint64_t *ret, struct err *err)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (w->p == w->end)
			return err_set(err, -EBADMSG, "unexpected EOF");
		value |= (uint64_t)(*w->p & 127) << shift;
		if (!(*w->p++ & 128)) {
			*ret = value;
			return 0;
		}
	}
	return err_set(err, -EBADMSG, "proto: integer overflow");
}

static int take(struct wire *w, uint64_t n, struct wire *ret_part, struct err *err)
{
	if (n > INT64_MAX)
		return err_set(err, -EBADMSG, "proto: negative length found during unmarshaling");
	if (n > (uint64_t)(w->end - w->p))
		return err_set(err, -EBADMSG, "unexpected EOF");
	*ret_part = (struct wire){ w->p, w->p + n };
	w->p += n;
	return 0;
}

int wire_block(struct wire *w, struct wire *ret_part, struct err *err)
{
	uint64_t n;
	int r = wire_varint(w, &n, err);

	return r < 0 ? r : take(w, n, ret_part, err);
}

int wire_tag(struct wire *w, const char *message, uint32_t *ret_field, unsigned int *ret_type,
             struct err *err)
{
	uint64_t tag;
	unsigned int type;
	int32_t field;
	int r = wire_varint(w, &tag, err);

	if (r < 0)
		return r;
	field = (int32_t)(tag >> 3);
	type = tag & 7;
	if (type == WIRE_GROUP_END)
		return err_set(err, -EBADMSG, "proto: %s: wiretype end group for non-group",
		               message);
	if (field <= 0)
		return err_set(err, -EBADMSG, "proto: %s: illegal tag %d (wire type %llu)", message,
		               field, (unsigned long long)tag);
	*ret_field = (uint32_t)field;
	*ret_type = type;
	return 0;
}

/* All but groups. */
static int skip_value(struct wire *w, unsigned int type, struct err *err)
{
	struct wire part;
	uint64_t n;

	switch (type) {
	case WIRE_VARINT:
		return wire_varint(w, &n, err);
	case WIRE_64BIT:
		return take(w, 8, &part, err);
	case WIRE_BLOCK:
		return wire_block(w, &part, err);
	case WIRE_32BIT:
		return take(w, 4, &part, err);
	default:
		return err_set(err, -EBADMSG, "proto: illegal wireType %u", type);
	}
}

int wire_skip(struct wire *w, unsigned int type, struct err *err)
{
	size_t open = 0;
	uint64_t tag;
	int r;

	/* Counted, not nested: a group costs a byte, the stack is shorter than a body. */
	for (;;) {
		if (type == WIRE_GROUP)
			open++;
		else if (type == WIRE_GROUP_END && open == 0)
			return err_set(err, -EBADMSG, "proto: unexpected end of group");
		else if (type == WIRE_GROUP_END)
			open--;
		else if ((r = skip_value(w, type, err)) < 0)
			return r;
		if (open == 0)
			return 0;
		r = wire_varint(w, &tag, err);
		if (r < 0)
			return r;
		type = tag & 7;
	}
}
