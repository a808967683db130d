-- When the next schedule of an app will be due that is not yet, and the time.
-- Called by: due_schedules. Index: schedules_due. Locks: nothing.
select (select extract(epoch from min(s.next_fire))::double precision
        from stepwell.schedules s
        where s.namespace = $1::text and s.app = $2::text and not s.paused and s.next_fire > stepwell.clock()),
       extract(epoch from stepwell.clock())::double precision
