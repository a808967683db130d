// A program in another language: starts workflows, waits for them, and is refused. Prints what it saw as JSON.
import pg from "pg";

const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();

const one = async (text, values = []) => Object.values((await client.query(text, values)).rows[0])[0];

async function until(id) {
  for (let tries = 0; tries < 600; tries++) {
    const { rows } = await client.query("select status from stepwell.workflows where workflow_id = $1", [id]);
    if (["SUCCESS", "ERROR", "CANCELLED"].includes(rows[0].status)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${id} does not end`);
}

const refused = async (text, values = []) => {
  try {
    await client.query(text, values);
  } catch (error) {
    return error.code;
  }
};

const start = "select stepwell.start_workflow($1, $2, $3, id => $4)";
const call = ["sql:echo", JSON.stringify([{ name: "it's ü 😀", n: 1 }]), JSON.stringify({ key: null }), "from-node"];

await client.query("begin");
const id = await one(start, call);
await client.query("commit");
const again = await one(start, call);
const conflict = await refused(start, ["sql:echo", "[]", "{}", "from-node"]);
await until(id);
const result = await one("select stepwell.workflow_result($1)", [id]);
const view = (await client.query("select workflow_id, name, status from stepwell.workflows")).rows;
await until(await one("select stepwell.start_workflow('sql:fails', id => 'fails')"));
const send = "select stepwell.send_message($1, $2, topic => $3, key => $4)";
const receiver = await one("select stepwell.start_workflow('sql:receives', id => 'receiver')");
await client.query("begin");
await client.query(send, [receiver, JSON.stringify({ parcel: "lost", weight: 0 }), "shipped", "k0"]);
await client.query("rollback");
for (const parcel of ["first", "the same again"])
  await client.query(send, [receiver, JSON.stringify({ parcel, weight: 1 }), "shipped", "k1"]);
await client.query(send, [receiver, JSON.stringify("ü"), null, null]);
await until(receiver);
const received = await one("select stepwell.workflow_result($1)", [receiver]);
const late = await refused(send, [receiver, "1", null, null]);
const nobody = await refused(send, ["nobody", "1", null, null]);
const forged = await refused(send, ["fails", "1", "!stepwell:token:00", null]);
const large = await refused(send, [receiver, JSON.stringify("x".repeat(20_000_000)), null, null]);
const cancelled = await one("select stepwell.cancel_workflow(stepwell.start_workflow('sql:nobody'))");
const failure = await refused("select stepwell.workflow_result('fails')");

const said = { received, late, nobody, forged, large, cancelled };
console.log(JSON.stringify({ id, again, conflict, result, view, failure, ...said }));
await client.end();
