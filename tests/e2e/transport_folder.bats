# The suite of transports.bash over a folder.
load transports

setup_file() { transport_world folder; }
teardown_file() { transport_end; }
setup() { world_back; }

@test "folder: a day's work goes out, and reaches those whom it concerns" { a_day_goes_out_and_comes_back; }
@test "folder: where nothing is new, nothing moves" { nothing_new_moves_nothing; }
@test "folder: a sync killed anywhere is resumed, and nothing is sent twice" { a_sync_killed_anywhere_is_resumed; }
@test "folder: of two syncs of one replica one waits for nobody" { two_syncs_at_once_are_one_and_a_word; }
@test "folder: a closed mailbox takes nothing, and nothing is lost" { a_closed_mailbox_is_refused_and_nothing_is_lost; }
@test "folder: of two hubs one works" { two_hubs_at_once_are_one_and_a_word; }
@test "folder: a merge beside syncs sees whole segments" { a_merge_beside_syncs_sees_whole_segments; }
