//! `keymend watch` as a function of AWS Lambda: messages of a queue in, verdicts and saved plans out.

use std::io;

use keymend::commands::watch::queue::{Messages, Queue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tokio::sync::Mutex;

/// One thread, as the program has it: Lambda gives a function one event at a time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queue = Mutex::new(Queue::of_process().await?);
    run(service_fn(async |event: LambdaEvent<Messages>| {
        let mut queue = queue.lock().await;
        queue.see(&event.payload, &mut io::stdout()).await.map_err(Error::from)
    }))
    .await
}
