/// What became of a message that was sent.
@nonexhaustive
public enum SendOutcome: Hashable, Sendable {
    /// It is in the queue, as this entry of its stream.
    case enqueued(entry: String)
    /// A message with its id is in the queue, is dead, or was committed within the consumers' retention; or the
    /// window of another message with its uniqueness key is not over. It was not added.
    case duplicate
    /// Its id is unknown and older than the horizon of its ``SendOptions/Origin``: a message with this id may have
    /// been committed and forgotten. It was not added.
    case tooOld
}
