-- Keeps a secret unless there is one of that name; returns the one that is kept.
-- Called by: secret, once per process. Index: primary key. Locks: that row, so that two who propose at once agree.
insert into stepwell.secrets (namespace, name, value) values ($1::text, $2::text, $3::text)
on conflict (namespace, name) do update set value = secrets.value
returning value
