-- What a run was started with. Called by run_inputs. Index: primary key.
SELECT input, codec_id FROM workflow_status WHERE run_id = ?
