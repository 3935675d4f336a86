// The methods that the service offers, from its own description.
import { json } from "./api.js";

export async function methods() {
  const { paths, components } = await json("/openapi.json");
  const { schema } = paths["/v1/transfer"].post.requestBody.content["multipart/form-data"];
  const form = schema.$ref ? components.schemas[schema.$ref.split("/").pop()] : schema;
  return form.properties.method.enum;
}
