-- Has the next statement read the claim's index in its order: with statistics from before a burst of starts or a
-- takeover, the planner takes all runs of the status for one and sorts them, once per claim. The sorts that remain
-- look so dear to it then that it would compile the statement for them. What the functions for limits keep as plans,
-- perhaps made while the tables were small, are plans by index; and they are kept from the first, not made anew for each
-- value because that looks a little cheaper: to make one costs ten times what it does.
-- Called by: claim, before claims/take in the same transaction, which is as long as it holds.
-- Index: none. Locks: nothing.
select set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)
