"""What memes have beside their looks: texts in the pictures, copies of them, and variants of the same template."""
