/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list - an intrusive doubly linked list with a head.
 *
 *	struct list_node waiting;            a head, list_init(&waiting)
 *	struct job { struct list_node in_queue; };
 *
 *	list_add_tail(&waiting, &job->in_queue);
 *	list_for_each(job, in_queue, &waiting)
 *		...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev, *next;
};

static inline void list_init(struct list_node *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list_node *head, struct list_node *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes 'node' out of its list; removing it again does nothing. */
static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

/* The first element, or NULL. */
#define list_first(head, type, member) \
	(list_empty(head) ? NULL : list_entry((head)->next, type, member))

#define list_for_each(var, member, head)                                   \
	for ((var) = list_entry((head)->next, __typeof__(*(var)), member); \
	     &(var)->member != (head);                                     \
	     (var) = list_entry((var)->member.next, __typeof__(*(var)), member))

/* The same where the body may remove or free 'var'; 'after' is of the same type. */
#define list_for_each_safe(var, after, member, head)                              \
	for ((var) = list_entry((head)->next, __typeof__(*(var)), member),        \
	    (after) = list_entry((var)->member.next, __typeof__(*(var)), member); \
	     &(var)->member != (head); (var) = (after),                           \
	    (after) = list_entry((after)->member.next, __typeof__(*(var)), member))
