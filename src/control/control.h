/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the controllers.  Each is a client of the API: it watches, computes, writes.
 */
#pragma once

#include "client/client.h"

struct control;

/* Starts all controllers on 'client' (borrowed). */
struct control *control_new(struct client *client);
void control_free(struct control *control);
