"""What has an address: fetched, kept, and crawled for. Import the modules; they load their libraries on use."""
