namespace Moss.Data.Datasets;

/// <summary>What an example says: supervised, a preference, or a reply that is desirable or not.</summary>
public interface IExampleContent
{
    /// <summary>The one JSON text of this content: fixed key order, no spaces; its bytes are hashed.</summary>
    string ToJson();
}
