-- What runs were started with. Called by: run_inputs. Index: primary key. Locks: nothing.
select s.run_id, s.input, s.codec_id from stepwell.workflow_status s where s.run_id = any ($1::uuid[])
