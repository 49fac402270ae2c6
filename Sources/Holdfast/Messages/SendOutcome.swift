/// The outcome of sending a message.
@nonexhaustive
public enum SendOutcome: Hashable, Sendable {
    /// It is in the queue, as this entry of its stream.
    case enqueued(entry: String)
    /// It was not added: a message with its id is in the queue, is dead, or was committed within the
    /// consumers' retention; or the window of another message with its uniqueness key is not over.
    case duplicate
    /// It was not added: its id is unknown and older than the horizon of its ``SendOptions/Origin``, so a
    /// message with this id may have been committed and forgotten.
    case tooOld
}
