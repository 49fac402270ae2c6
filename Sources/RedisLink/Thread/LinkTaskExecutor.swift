/// Runs the tasks that prefer it in the turns of a ``LinkThread``.
///
/// Not the thread itself: the runtime must be able to distinguish a task that is on the thread by preference
/// from one that is in an actor there, or it would enqueue the first again after each call.
package final class LinkTaskExecutor: TaskExecutor {
    private let thread: LinkThread

    package init(_ thread: LinkThread) {
        self.thread = thread
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        thread.enqueue(UnownedJob(job), by: self)
    }
}
