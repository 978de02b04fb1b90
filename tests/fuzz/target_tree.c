/* Trees and names of a mailbox: the first byte says which. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "sync/git/treefmt.h"
#include "sync/mailbox/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rep_tree_list list = {0};
	struct rep_outbox_name name;
	struct rep_error err;
	char text[256];

	if (size && data[0] == 'n') {
		snprintf(text, sizeof text, "%.*s", (int)(size - 1 < 255 ? size - 1 : 255),
			 data + 1);
		if (rep_outbox_name_parse(&name, text))
			fuzz_expect(strstr(text, "..") == NULL && text[0] != '/',
				    "a name of an outbox stays in it");
		return 0;
	}
	if (rep_tree_parse((const char *)data, size, &list, &err) == REP_OK)
		for (size_t i = 0; i < list.len; i++)
			fuzz_expect(strchr(list.entries[i].name, '/') == NULL &&
					    strcmp(list.entries[i].name, "..") != 0,
				    "a name of a tree is one name");
	rep_tree_list_clear(&list);
	return 0;
}
