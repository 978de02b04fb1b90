# What a network does to a sync over https.
load transports
load netfaults

setup_file() { transport_world https; }
teardown_file() { transport_end; }
setup() { world_back; }

@test "https: a reset at each of ten points of what is sent" { cut_at_ten_points up rst; }
@test "https: a reset at each of ten points of what is received" { cut_at_ten_points down rst; }
@test "https: a server that falls silent is given up" { a_server_that_falls_silent_is_given_up; }
@test "https: a company that is not there is said at once" { a_company_that_is_not_there_is_said_at_once; }
@test "https: a broken line is tried again" { a_broken_line_is_tried_again; }
@test "https: a receive-pack that dies or hangs is given up" { a_receive_pack_that_dies_or_hangs_is_given_up; }
